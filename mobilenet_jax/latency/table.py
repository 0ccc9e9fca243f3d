"""Latency tables: a CSV, one block a row, and a JSON sidecar of provenance."""

import functools
import math
import os
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mobilenet_jax.arch import ArchSpec, is_number
from mobilenet_jax.core.errors import UserError, did_you_mean
from mobilenet_jax.core.files import read_json, write_json, write_text
from mobilenet_jax.latency.correction import Correction
from mobilenet_jax.latency.interpolate import Interpolation
from mobilenet_jax.latency.key import DTYPES, BlockKey, keys
from mobilenet_jax.latency.operations import operations
from mobilenet_jax.latency.rows import HEADER, from_csv, to_csv
from mobilenet_jax.latency.timing import Latency, Timing

PROVENANCE = (
  'device', 'chip', 'cores', 'affinity', 'threads', 'runtime', 'version',
  'delegate', 'dtype', 'batch', 'protocol', 'date', 'source', 'licence',
)  # fmt: skip
UNITS = ('block', 'operation')
# of a provenance: no conditions, but what was found or said under them
STATE = ('date', 'reference_ms', 'seconds_a_block', 'skipped', 'note')
SHIPPED = Path(__file__).parent / 'tables'
MOST_BYTES = 200_000_000
MOST = 1e9  # milliseconds or seconds
# of whole networks, where a table does not state its own: what sums of blocks
# missed on the one computer where it was measured (docs/latency.md)
ASSUMED_ERROR = 0.15

Missing = Literal['error', 'interpolate']
POLICIES: tuple[Missing, ...] = ('error', 'interpolate')


@dataclass(frozen=True)
class LatencyTable:
  """Timings by block, and where they come from.

  Of the provenance the table itself reads: 'dtype'; 'unit', 'block' where
  nothing is said, or 'operation' where the rows are the operations that
  blocks are composed of; 'correction', what sums of blocks miss; and
  'network_error', the relative error of whole networks, root mean square.
  """

  rows: Mapping[BlockKey, Timing]
  provenance: Mapping[str, Any]
  path: str = '<memory>'

  def __post_init__(self):
    lacking = [name for name in PROVENANCE if name not in self.provenance]
    if lacking:
      raise UserError(
        f'Latency table {self.path} lacks provenance: {", ".join(lacking)}.'
      )
    for name, value, valid in (
      ('dtype', self.dtype, DTYPES), ('unit', self.unit, UNITS),
    ):  # fmt: skip
      if value not in valid:
        raise UserError(
          f'Latency table {self.path}: {name} {value!r} is not one of '
          f'{", ".join(valid)}.'
        )
    error = self.provenance.get('network_error', 0.0)
    if not isinstance(error, int | float) or not 0 <= error < 10:
      raise UserError(
        f'Latency table {self.path}: network_error {error!r} is no share.'
      )
    for name in ('reference_ms', 'seconds_a_block'):
      value = self.provenance.get(name)
      if value is not None and not (is_number(value) and 0 < value < MOST):
        raise UserError(
          f'Latency table {self.path}: {name} {value!r} is no time above 0.'
        )
    stray = next((k for k in self.rows if k.dtype != self.dtype), None)
    if stray:
      raise UserError(
        f'Latency table {self.path} is of {self.dtype} but has "{stray}".'
      )
    _ = self.correction  # is read, or refused, now

  @functools.cached_property
  def correction(self) -> Correction:
    """What is put right in the sum of blocks."""
    return Correction.read(self.provenance.get('correction'), self.path)

  @property
  def dtype(self) -> str:
    """Of the deployed arithmetic."""
    return self.provenance['dtype']

  @property
  def unit(self) -> str:
    """What a row is: of `UNITS`."""
    return self.provenance.get('unit', 'block')

  def parts(self, key: BlockKey) -> tuple[BlockKey, ...]:
    """The rows that price a block: itself, or its operations."""
    return operations(key) if self.unit == 'operation' else (key,)

  def missing(self, wanted: Iterable[BlockKey]) -> list[BlockKey]:
    """What the table lacks to price `wanted`, each once, in order."""
    needed = dict.fromkeys(part for key in wanted for part in self.parts(key))
    return [part for part in needed if part not in self.rows]

  def __getitem__(self, key: BlockKey) -> Timing:
    if key not in self.rows:
      raise UserError(f'Latency table {self.path} has no block "{key}".')
    return self.rows[key]

  def cost(self, key: BlockKey, missing: Missing = 'error') -> Timing:
    """What a block adds to a network: `ms` and `std_ms` are known.

    Args:
      missing: 'interpolate' estimates a block that the table lacks.

    Raises:
      UserError: the table lacks it; it is named.
    """
    found = []
    for part in self.parts(key):
      if part not in self.rows and missing == 'interpolate':
        found.append(self.interpolation(part))
      else:
        found.append(self[part])
    ms = math.fsum(t.ms for t in found)
    spread = math.sqrt(math.fsum((t.std_ms or 0.0) ** 2 for t in found))
    return Timing(self.correction(key, ms), std_ms=self.correction(key, spread))

  @functools.cached_property
  def interpolation(self) -> Interpolation:
    """Estimates of blocks that the table lacks."""
    return Interpolation(self.rows)

  def predict(self, spec: ArchSpec, missing: Missing = 'error') -> Latency:
    """Prices a concrete spec: the sum of its blocks.

    Its interval assumes `ASSUMED_ERROR` where the table knows no
    'network_error'.

    Args:
      missing: 'interpolate' estimates blocks that the table lacks and lists
        them in the result.

    Raises:
      UserError: with 'error', a block is not in the table; it is named.
    """
    wanted = keys(spec, self.dtype)
    costs = [self.cost(key, missing) for key in wanted]
    ms = math.fsum(t.ms for t in costs)
    own = self.provenance.get('network_error', ASSUMED_ERROR) * ms
    blocks = math.fsum((t.std_ms or 0.0) ** 2 for t in costs)
    spread = 2 * math.sqrt(blocks + own**2)
    lacking = tuple(self.missing(wanted))
    return Latency(ms, max(ms - spread, 0.0), ms + spread, lacking)

  def price(self, spec: ArchSpec) -> float:
    """Milliseconds of a concrete spec.

    Raises:
      UserError: a block is not in the table; it is named.
    """
    return self.predict(spec).ms

  def merge(self, other: 'LatencyTable') -> 'LatencyTable':
    """Both tables' rows; where both have one, that of `other`.

    Raises:
      UserError: they are not of one device, protocol and correction; the
        first thing in which they differ is named.
    """
    mine, theirs = self._conditions, other._conditions
    for name in mine | theirs:
      one, two = mine.get(name), theirs.get(name)
      if one != two:
        raise UserError(
          f'Tables {self.path} and {other.path} do not merge: their {name} '
          f'differs, {_short(one)} and {_short(two)}.'
        )
    speed = other.provenance.get('reference_ms')
    rows = {**self.at_speed(speed).rows, **other.rows}
    path = f'{self.path} + {other.path}'
    return LatencyTable(rows, other.provenance, path)

  @property
  def _conditions(self) -> dict[str, Any]:
    """What tables must agree in to be one."""
    return {
      name: value
      for name, value in {**self.provenance, 'unit': self.unit}.items()
      if name not in STATE and not name.startswith('phone_')
    }

  def at_speed(self, reference_ms: float | None) -> 'LatencyTable':
    """The same device at the speed at which its reference block takes that.

    Where either has no reference block, nothing is known and nothing changes.
    """
    own = self.provenance.get('reference_ms')
    if not own or not reference_ms or own == reference_ms:
      return self
    rows = {k: t.times(reference_ms / own) for k, t in self.rows.items()}
    source = {**self.provenance, 'reference_ms': reference_ms}
    return LatencyTable(rows, source, self.path)

  def only(self, wanted: Iterable[BlockKey]) -> 'LatencyTable':
    """The rows of some blocks; what is not there is left out."""
    rows = {key: self.rows[key] for key in wanted if key in self.rows}
    return LatencyTable(rows, self.provenance, self.path)

  def save(self, path: str | os.PathLike) -> None:
    """Writes `path` (CSV) and its sidecar (the same name, .json).

    Raises:
      UserError: as `check_writable`, or the folder cannot be written to.
    """
    path = Path(path)
    check_writable(path)
    write_json(sidecar(path), dict(self.provenance))
    write_text(path, to_csv(self.rows))

  @classmethod
  def load(cls, path: str | os.PathLike) -> 'LatencyTable':
    """Reads a table and its sidecar.

    Args:
      path: a .csv file, or the name of a shipped table.

    Raises:
      UserError: a file is missing, truncated or malformed (the line is
        named), a row stands twice, or the provenance is not whole.
    """
    path = _find(path)
    try:
      if path.stat().st_size > MOST_BYTES:
        raise UserError(f'Latency table {path} is over {MOST_BYTES:,} bytes.')
      text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
      reason = getattr(error, 'strerror', None) or 'it is not text'
      raise UserError(f'Cannot read latency table {path}: {reason}.') from error
    if not sidecar(path).exists():
      raise UserError(
        f'Latency table {path} has no provenance: {sidecar(path)} is missing.'
      )
    provenance = read_json(sidecar(path))
    if not isinstance(provenance, dict):
      raise UserError(f'{sidecar(path)} holds no provenance.')
    return cls(from_csv(text, f'Latency table {path}'), provenance, str(path))


def sidecar(path: Path) -> Path:
  """Where a table's provenance lies."""
  return path.with_suffix('.json')


def check_writable(path: str | os.PathLike) -> None:
  """Keeps a table from being written over what is none.

  Raises:
    UserError: `path` is no .csv, or it or its sidecar is there and is
      something else than a table's; it is named.
  """
  path = Path(path)
  if path.suffix != '.csv':
    raise UserError(f'Latency table {path} is not a .csv file.')
  for file, is_ours in ((path, _is_rows), (sidecar(path), _is_provenance)):
    if file.exists() and not is_ours(file):
      raise UserError(
        f'{file} is no part of a latency table and would be overwritten: write '
        'to another.'
      )


def _is_rows(path: Path) -> bool:
  try:
    with path.open(errors='replace') as file:
      return file.readline(1000).rstrip('\n') == ','.join(HEADER)
  except OSError as error:
    raise UserError(f'Cannot read {path}: {error.strerror}.') from error


def _is_provenance(path: Path) -> bool:
  try:
    found = read_json(path)
  except UserError:
    return False
  return isinstance(found, dict) and set(PROVENANCE) <= set(found)


def _short(value: Any) -> str:
  return textwrap.shorten(repr(value), 300, placeholder=' ...')


def list_tables() -> list[str]:
  """Names of the tables that ship with the package."""
  return sorted(path.stem for path in SHIPPED.glob('*.csv'))


def _find(path: str | os.PathLike) -> Path:
  """The file of a path, or of the name of a shipped table."""
  text = os.fspath(path)
  if text.endswith('.csv') or '/' in text or Path(text).exists():
    return Path(path)
  if text not in list_tables():
    hint = did_you_mean(text, list_tables())
    raise UserError(
      f'No latency table {text!r}: neither a .csv file nor a shipped one.{hint}'
    )
  return SHIPPED / f'{text}.csv'
