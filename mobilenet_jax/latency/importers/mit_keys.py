"""Keys and times of the YAML tables of ProxylessNAS and Once-for-All."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.importers.places import (
  Shape,
  fields,
  number,
  shown,
)
from mobilenet_jax.latency.timing import Timing

KEY = re.compile(
  r'(?P<type>\w+)-input:(?P<into>\d{1,6}(?:x\d{1,6}){2})-'
  r'output:(?P<out>\d{1,6}(?:x\d{1,6}){0,2})'
  r'(?:-(?P<fields>.*))?'
)
FLAGS = ('idskip', 'se', 'hs')


@dataclass(frozen=True)
class Entry:
  """A key of such a table, read."""

  type: str
  into: Shape
  out: Shape
  fields: dict[str, int]
  where: str


def read_entry(text: Any, names: tuple[str, ...], table: str) -> Entry:
  """Reads a key; `names` are what an expanded_conv has."""
  where = f'{table}, {shown(text)}'
  match = KEY.fullmatch(text) if isinstance(text, str) else None
  if not match:
    raise UserError(f'{where} is no key like Conv-input:8x8x3-output:4x4x16.')
  wanted = names if match['type'] == 'expanded_conv' else ()
  found = fields(match['fields'] or '', ':', wanted, where)
  for name in FLAGS:
    if found.get(name, 0) > 1:
      raise UserError(f'{where}: {name} is 0 or 1.')
  return Entry(
    match['type'],
    _shape(match['into'], where),
    _shape(match['out'], where),
    found,
    where,
  )


def _shape(text: str, where: str) -> Shape:
  sides = [int(side) for side in text.split('x')]
  if len(sides) == 1:
    return 1, sides[0]
  if len(sides) != 3 or sides[0] != sides[1]:
    raise UserError(f'{where}: {text!r} is no square image.')
  return sides[0], sides[2]


def read_timing(
  times: dict[str, Any],
  spread: str,
  to_std: Callable[[float], float],
  where: str,
) -> Timing:
  """Reads count, mean and a spread, which `to_std` turns into one of ms."""
  count, mean = times['count'], number(times['mean'], 'mean', where)
  if isinstance(count, bool) or not isinstance(count, int) or count < 1:
    raise UserError(f'{where}: count {shown(count)} is not 1 or more.')
  std = to_std(number(times[spread], spread, where))
  if not mean:
    raise UserError(f'{where}: mean {mean} is not above 0.')
  return Timing(mean, mean_ms=mean, std_ms=std, n=count)
