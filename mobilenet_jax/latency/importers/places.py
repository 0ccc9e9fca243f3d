"""Keys and timings from what other tables say of a block."""

import re
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mobilenet_jax.arch import ArchSpec, Block, check_block, check_place
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.key import BlockKey, block_key
from mobilenet_jax.latency.timing import Timing

Shape = tuple[int, int]  # side and channels
Row = tuple[BlockKey, Timing]
MOST = 1e9
ELSEWHERE = Timing(0.0)  # of work that another row holds


@dataclass(frozen=True)
class Source:
  """What an importer reads.

  Attributes:
    where: what the text is, for errors.
    text: of the file.
    dtype: of the keys that are made.
    arch: the network that was profiled, where the file does not say.
  """

  where: str
  text: str
  dtype: str = 'float32'
  arch: ArchSpec | None = None


@dataclass(frozen=True)
class Found:
  """What an importer found.

  Attributes:
    rows: keys may stand more than once.
    skipped: how much was left out, by reason.
    about: provenance that the file itself tells.
  """

  rows: list[Row]
  skipped: Mapping[str, int] = field(default_factory=dict)
  about: Mapping[str, Any] = field(default_factory=dict)


def place(
  block: Block, into: Shape, dtype: str, where: str, out: Shape | None = None
) -> BlockKey:
  """The key of a block; what comes out of it is checked where known."""
  check_block(block, where)
  size, channels = into
  if not 0 < size <= 8192 or not 0 < channels <= 65536:
    raise UserError(
      f'{where}: no image has {size} pixels, {channels} channels.'
    )
  try:
    io = block.io(size, channels, 'same')
  except ValueError as error:
    raise UserError(f'{where}: {error}.') from error
  check_place(block, io, where)
  made = (io.out_size, io.out_channels)
  if out is not None and made != out:
    raise UserError(
      f'{where}: its output would be {made[0]}x{made[0]}x{made[1]}, not '
      f'{out[0]}x{out[0]}x{out[1]}.'
    )
  return block_key(block, io, dtype)


def shown(value: Any) -> str:
  """A foreign value in an error: on one line, and short."""
  text = repr(value)
  return text if len(text) <= 120 else f'{text[:117]}...'


def number(value: Any, what: str, where: str) -> float:
  """A number of 0 or more that can be a time."""
  if isinstance(value, bool) or not isinstance(value, int | float):
    raise UserError(f'{where}: {what} {shown(value)} is not a number.')
  if not 0 <= value < MOST:
    raise UserError(
      f'{where}: {what} {shown(value)} is not from 0 to {MOST:.0e}.'
    )
  return float(value)


def record(
  value: Any, names: Iterable[str], where: str, *, optional: Iterable[str] = ()
) -> dict[str, Any]:
  """An object with these names and no others."""
  names, optional = list(names), list(optional)
  if not isinstance(value, dict):
    raise UserError(f'{where} holds {type(value).__name__}, not {names}.')
  valid = ', '.join(names + optional)
  for name in value:
    if name not in names and name not in optional:
      raise UserError(f'{where}: unknown {shown(name)}; valid: {valid}.')
  lacking = [name for name in names if name not in value]
  if lacking:
    raise UserError(f'{where} lacks {lacking[0]!r}; it needs {valid}.')
  return value


def fields(
  text: str, mark: str, names: Iterable[str], where: str
) -> dict[str, int]:
  """Whole numbers by name from 'a:1-b:2' (mark ':') or 'a1-b2' (mark '')."""
  found = {}
  for part in text.split('-') if text else []:
    match = re.fullmatch(rf'([A-Za-z]+){mark}(\d{{1,6}})', part)
    if not match or match[1] in found:
      raise UserError(f'{where}: cannot read {shown(part)}.')
    found[match[1]] = int(match[2])
  return record(found, names, where)


def gather(rows: Iterable[Row]) -> dict[BlockKey, Timing]:
  """Rows by key; those of one key are merged into their mean."""
  found: dict[BlockKey, list[Timing]] = {}
  for key, timing in rows:
    found.setdefault(key, []).append(timing)
  return {key: _merged(timings) for key, timings in found.items()}


def _merged(timings: list[Timing]) -> Timing:
  if len(timings) == 1:
    return timings[0]
  times = [t.ms for t in timings]
  quantiles: dict[str, Any] = {
    name: _mean([getattr(t, name) for t in timings])
    for name in ('p10_ms', 'p50_ms', 'p90_ms')
  }
  mean = statistics.fmean(times)
  n = sum(t.n for t in timings) if mean else 0
  return Timing(
    mean, mean_ms=mean, std_ms=statistics.stdev(times), n=n, **quantiles
  )


def _mean(values: list[float | None]) -> float | None:
  known = [value for value in values if value is not None]
  return statistics.fmean(known) if len(known) == len(values) else None
