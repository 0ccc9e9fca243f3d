"""Latency tables: a CSV, one block a row, and a JSON sidecar of provenance."""

import csv
import dataclasses
import io
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilenet_jax.arch import KINDS, ArchSpec, block_from_string
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import read_json, write_json, write_text
from mobilenet_jax.latency.key import FIELDS, BlockKey, keys

DTYPES = ('float32', 'float16', 'int8')
STATISTICS = ('ms', 'std_ms', 'min_ms', 'p90_ms', 'n')
PROVENANCE = (
  'device', 'chip', 'cores', 'affinity', 'threads', 'runtime', 'version',
  'delegate', 'dtype', 'batch', 'protocol', 'date', 'source', 'licence',
)  # fmt: skip
MOST_ROWS = 1_000_000
MOST_BYTES = 200_000_000


@dataclass(frozen=True)
class Timing:
  """How long a block takes.

  Attributes:
    ms: the statistic that prices it (named in the provenance's protocol).
    std_ms, min_ms, p90_ms: spread of the kept repeats.
    n: number of repeats.
  """

  ms: float
  std_ms: float
  min_ms: float
  p90_ms: float
  n: int


@dataclass(frozen=True)
class Latency:
  """A network's latency.

  Attributes:
    ms: the sum over its blocks.
    lower, upper: two standard deviations either side, blocks independent.
    missing: blocks that the table does not have (and `ms` leaves out).
  """

  ms: float
  lower: float
  upper: float
  missing: tuple[BlockKey, ...] = ()


@dataclass(frozen=True)
class LatencyTable:
  """Timings by block, and where they come from."""

  rows: Mapping[BlockKey, Timing]
  provenance: Mapping[str, Any]
  path: str = '<memory>'

  def __post_init__(self):
    lacking = [name for name in PROVENANCE if name not in self.provenance]
    if lacking:
      raise UserError(
        f'Latency table {self.path} lacks provenance: {", ".join(lacking)}.'
      )
    if self.dtype not in DTYPES:
      raise UserError(
        f'Latency table {self.path}: dtype {self.dtype!r} is not one of '
        f'{", ".join(DTYPES)}.'
      )

  @property
  def dtype(self) -> str:
    """Of the deployed arithmetic."""
    return self.provenance['dtype']

  def missing(self, wanted: Iterable[BlockKey]) -> list[BlockKey]:
    """Those of `wanted` that the table does not have, each once, in order."""
    return [key for key in dict.fromkeys(wanted) if key not in self.rows]

  def __getitem__(self, key: BlockKey) -> Timing:
    if key not in self.rows:
      raise UserError(f'Latency table {self.path} has no block "{key}".')
    return self.rows[key]

  def predict(self, spec: ArchSpec) -> Latency:
    """Prices a concrete spec: the sum of its blocks."""
    wanted = keys(spec, self.dtype)
    have = [self.rows[key] for key in wanted if key in self.rows]
    ms = math.fsum(t.ms for t in have)
    spread = 2 * math.sqrt(math.fsum(t.std_ms**2 for t in have))
    missing = tuple(self.missing(wanted))
    return Latency(ms, max(ms - spread, 0.0), ms + spread, missing)

  def price(self, spec: ArchSpec) -> float:
    """Milliseconds of a concrete spec.

    Raises:
      UserError: a block is not in the table; it is named.
    """
    return math.fsum(self[key].ms for key in keys(spec, self.dtype))

  def save(self, path: str | os.PathLike) -> None:
    """Writes `path` (CSV) and its sidecar (the same name, .json)."""
    path = Path(path)
    write_json(sidecar(path), dict(self.provenance))
    write_text(path, self.to_csv())

  def to_csv(self) -> str:
    """The rows as CSV, sorted by key."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(FIELDS + STATISTICS)
    for key in sorted(self.rows):
      timing = dataclasses.astuple(self.rows[key])
      writer.writerow(dataclasses.astuple(key) + timing)
    return text.getvalue()

  @classmethod
  def load(cls, path: str | os.PathLike) -> 'LatencyTable':
    """Reads a table and its sidecar.

    Raises:
      UserError: a file is missing, truncated or malformed (the line is
        named), a row stands twice, or the provenance is not whole.
    """
    path = Path(path)
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
    return cls(_rows(text, path), provenance, str(path))


def sidecar(path: Path) -> Path:
  """Where a table's provenance lies."""
  return path.with_suffix('.json')


def _rows(text: str, path: Path) -> dict[BlockKey, Timing]:
  lines = text.split('\n')
  if lines[-1] != '':
    raise UserError(f'Latency table {path} is cut off in line {len(lines)}.')
  if len(lines) > MOST_ROWS:
    raise UserError(f'Latency table {path} has over {MOST_ROWS} rows.')
  if '"' in text:
    raise UserError(f'Latency table {path} has quotes; no value needs them.')
  reader = csv.reader(lines[:-1])
  header = next(reader, [])
  if header != list(FIELDS + STATISTICS):
    raise UserError(
      f'Latency table {path}: the first line must be '
      f'"{",".join(FIELDS + STATISTICS)}".'
    )
  rows: dict[BlockKey, Timing] = {}
  for line, cells in enumerate(reader, 2):
    key, timing = _row(cells, f'Latency table {path}, line {line}')
    if key in rows:
      raise UserError(f'Latency table {path}, line {line}: {key} stands twice.')
    rows[key] = timing
  if not rows:
    raise UserError(f'Latency table {path} has no rows.')
  return rows


def _row(cells: list[str], where: str) -> tuple[BlockKey, Timing]:
  if len(cells) != len(FIELDS) + len(STATISTICS):
    raise UserError(
      f'{where}: {len(cells)} values, not {len(FIELDS) + len(STATISTICS)}.'
    )
  named = dict(zip(FIELDS + STATISTICS, cells, strict=True))
  if named['kind'] not in KINDS:
    raise UserError(f'{where}: unknown kind {named["kind"]!r}.')
  key = BlockKey(**_typed(BlockKey, named, where))
  if key.detail not in ('', 'symmetric'):
    block_from_string(key.detail.split()[0])  # says what is wrong with it
  timing = Timing(**_typed(Timing, named, where))
  if not timing.ms > 0:
    raise UserError(f'{where}: ms {timing.ms!r} is not above 0.')
  return key, timing


def _typed(cls: type, named: dict[str, str], where: str) -> dict[str, Any]:
  made: dict[str, Any] = {}
  for field in dataclasses.fields(cls):
    text = named[field.name]
    assert isinstance(field.type, type)
    try:
      made[field.name] = field.type(text)
    except ValueError:
      raise UserError(
        f'{where}: {field.name} {text!r} is not a number.'
      ) from None
    if field.type is not str and not 0 <= made[field.name] < math.inf:
      raise UserError(f'{where}: {field.name} {text!r} is not 0 or more.')
  return made
