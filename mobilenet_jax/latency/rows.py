"""The rows of a latency table as CSV text, read with suspicion."""

import csv
import dataclasses
import io
from collections.abc import Mapping
from typing import Any

from mobilenet_jax.arch import KINDS, check_block, check_int, check_place
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.key import (
  DTYPES,
  FIELDS,
  BlockKey,
  block_key,
  block_of,
)
from mobilenet_jax.latency.timing import Timing

STATISTICS = tuple(f.name for f in dataclasses.fields(Timing))
HEADER = FIELDS + STATISTICS
COUNTS = ('n', 'outliers')
MOST_ROWS = 1_000_000
MOST_CHARACTERS = 2000  # of a row
MOST = 10**9  # pixels, channels, repeats, milliseconds


def to_csv(rows: Mapping[BlockKey, Timing]) -> str:
  """The rows as CSV, sorted by key; what is unknown stays empty."""
  text = io.StringIO()
  writer = csv.writer(text, lineterminator='\n')
  writer.writerow(HEADER)
  for key in sorted(rows):
    writer.writerow(dataclasses.astuple(key) + dataclasses.astuple(rows[key]))
  return text.getvalue()


def from_csv(text: str, where: str) -> dict[BlockKey, Timing]:
  """Reads rows.

  Args:
    where: what the text is, for errors.

  Raises:
    UserError: it is cut off or malformed (the line is named), or a row
      stands twice.
  """
  lines = text.split('\n')
  if lines[-1] != '':
    raise UserError(f'{where} is cut off in line {len(lines)}.')
  if len(lines) > MOST_ROWS:
    raise UserError(f'{where} has over {MOST_ROWS} rows.')
  if '"' in text:
    raise UserError(f'{where} has quotes; no value needs them.')
  if lines[0] != ','.join(HEADER):
    raise UserError(f'{where}: the first line must be "{",".join(HEADER)}".')
  rows: dict[BlockKey, Timing] = {}
  for number, line in enumerate(lines[1:-1], 2):
    key, timing = _row(line, f'{where}, line {number}')
    if key in rows:
      raise UserError(f'{where}, line {number}: {key} stands twice.')
    rows[key] = timing
  if not rows:
    raise UserError(f'{where} has no rows.')
  return rows


def _row(line: str, where: str) -> tuple[BlockKey, Timing]:
  if len(line) > MOST_CHARACTERS:
    raise UserError(f'{where} has over {MOST_CHARACTERS} characters.')
  cells = line.split(',')
  if len(cells) != len(HEADER):
    raise UserError(f'{where}: {len(cells)} values, not {len(HEADER)}.')
  named = dict(zip(HEADER, cells, strict=True))
  if named['kind'] not in KINDS:
    raise UserError(f'{where}: unknown kind {named["kind"]!r}.')
  key = BlockKey(**_key_fields(named, where))
  if key.dtype not in DTYPES:
    raise UserError(
      f'{where}: dtype {key.dtype!r} is not one of {", ".join(DTYPES)}.'
    )
  _check(key, where)
  return key, _timing(named, where)


def _check(key: BlockKey, where: str) -> None:
  """Refuses a key that is not what we make of the block that it tells of."""
  for name in ('in_size', 'in_channels'):
    check_int(name, getattr(key, name), where, most=MOST)
  try:
    block = block_of(key)
    check_block(block, key.kind)
    place = block.io(key.in_size, key.in_channels, key.padding)
    check_place(block, place, key.kind)
  except ValueError as error:
    reason = str(error).rstrip('.')
    raise UserError(f'{where}: no block: {reason}.') from error
  made = block_key(block, place, key.dtype, key.padding)
  if made != key:
    raise UserError(
      f'{where}: "{key}" does not agree with itself; its block is "{made}".'
    )


def _key_fields(named: dict[str, str], where: str) -> dict[str, Any]:
  made: dict[str, Any] = {}
  for field in dataclasses.fields(BlockKey):
    text = named[field.name]
    made[field.name] = (
      _number(text, field.name, where, whole=True)
      if field.type is int
      else text
    )
  return made


def _timing(named: dict[str, str], where: str) -> Timing:
  made: dict[str, Any] = {}
  for name in STATISTICS:
    text = named[name]
    if text == '' and name not in ('ms', *COUNTS):
      made[name] = None
    else:
      made[name] = _number(text, name, where, whole=name in COUNTS)
  timing = Timing(**made)
  # a time of 0 is what an importer writes for work that another row holds
  if not timing.ms and timing.n:
    raise UserError(f'{where}: ms {named["ms"]!r} is not above 0.')
  return timing


def _number(text: str, name: str, where: str, *, whole: bool) -> float:
  try:
    value = int(text) if whole else float(text)
  except ValueError:
    raise UserError(f'{where}: {name} {text!r} is not a number.') from None
  if not 0 <= value < MOST:
    raise UserError(
      f'{where}: {name} {text!r} is not 0 or more and below {MOST:.0e}.'
    )
  return value
