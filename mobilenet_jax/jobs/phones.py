"""Further devices that the found network is to be fast on, beside the main one.

`config.latency.more` names them: ((table, target in ms), ...).
"""

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.core.errors import JobError, UserError
from mobilenet_jax.core.progress import say
from mobilenet_jax.latency.bounds import check_target
from mobilenet_jax.latency.key import keys
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.latency.tensors import BlockPrices, price, price_tensors
from mobilenet_jax.space import SearchSpace

MOST = 16


@dataclass(frozen=True)
class Phone:
  """A device with a target of its own.

  Attributes:
    name: of its table.
    tensors: every choice of the space, priced.
    target_ms: what the search is to land on there.
    bounds: milliseconds of the fastest and the slowest network.
  """

  name: str
  table: LatencyTable
  tensors: tuple[BlockPrices, ...]
  target_ms: float
  bounds: tuple[float, float]

  def of_vector(self, vector: Sequence[int]) -> float:
    """Milliseconds of a choice vector of the space."""
    return price(self.tensors, vector)

  def of_spec(self, spec: ArchSpec) -> float | None:
    """Milliseconds of any network; None where the table lacks a block."""
    if self.table.missing(keys(spec, self.table.dtype)):
      return None
    return self.table.price(spec)

  def summary(self) -> dict[str, Any]:
    """What `results.json` says of it."""
    low, high = self.bounds
    return {
      'name': self.name,
      'device': self.table.provenance['device'],
      'target_ms': self.target_ms,
      'fastest_ms': low,
      'slowest_ms': high,
    }


def check_more(more: Any) -> None:
  """Checks the form of `config.latency.more`.

  Raises:
    UserError: it is no sequence of (table, target), or names a table twice.
  """
  known = set()
  for entry in more:
    match entry:
      case (str(path), int() | float() as target) if (
        0 < target < math.inf and not isinstance(target, bool)
      ):
        name = Path(path).stem
      case _:
        raise UserError(
          f'--config.latency.more has {entry!r}; it holds a table and a target '
          "in ms for each further device, (('pixel1.csv', 50.0),)."
        )
    if name in known:
      raise UserError(f'--config.latency.more names {name!r} twice.')
    known.add(name)
  if len(known) > MOST:
    raise UserError(
      f'--config.latency.more names {len(known)} devices; it may be {MOST}.'
    )


def open_phones(
  more: Sequence[tuple[str, float]], space: SearchSpace, folder: Path
) -> tuple[Phone, ...]:
  """The further devices of a run; its own copies of their tables are taken
  where it has them.

  Raises:
    UserError: an unreadable table, a block that it lacks, or a target that
      the space cannot reach there.
  """
  found = []
  for i, (path, target) in enumerate(more, 1):
    name, own = Path(path).stem, table_path(folder, i)
    table = LatencyTable.load(own if own.exists() else path)
    tensors = price_tensors(space.spec, table)
    try:
      bounds = check_target(target, tensors)
    except UserError as error:
      raise UserError(f'On {name}: {error}') from error
    found.append(Phone(name, table, tensors, float(target), bounds))
  for phone in found:
    low, high = phone.bounds
    say(
      f'On {phone.name}: {low:.3f} to {high:.3f} ms; target '
      f'{phone.target_ms:.3f} ms.'
    )
  return tuple(found)


def keep_tables(phones: Sequence[Phone], folder: Path) -> None:
  """Writes the tables into the run folder, where they are not there yet."""
  for i, phone in enumerate(phones, 1):
    path = table_path(folder, i)
    if not path.exists():
      phone.table.save(path)


@contextlib.contextmanager
def naming(phones: Sequence[Phone]) -> Iterator[None]:
  """Adds the targets of further devices to an error about the window."""
  try:
    yield
  except (UserError, JobError) as error:
    if not phones:
      raise
    also = ', '.join(f'{p.target_ms:g} ms on {p.name}' for p in phones)
    raise type(error)(
      f'{error} The same networks have to take {also}, within the same '
      'tolerance; the targets may contradict each other.'
    ) from error


def table_path(folder: Path, i: int) -> Path:
  """Where a run keeps the table of its i-th further device, from 1."""
  return folder / f'latency_{i}.csv'
