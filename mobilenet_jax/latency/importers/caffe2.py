"""Operators of Caffe2 as a file has them: shapes, and arguments as text."""

import re
from typing import Any

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.importers.places import shown

ARG = re.compile(
  r'name:\s*"(\w+)"(?:\s+|$)((?:(?:i|f|s|ints|floats):\s*\S+(?:\s+|$))*)'
)
WHOLE = re.compile(r'(?:i|ints):\s*(\d{1,9})(?!\S)')
# of a convolution; others of them do not say what it computes
GEOMETRY = ('kernel', 'stride', 'pad', 'dilation', 'group')
IDLE = (
  'Y_scale', 'Y_zero_point', 'order', 'ws_nbytes_limit', 'no_bias',
  'exhaustive_search', 'global_pooling', 'broadcast', 'legacy_pad',
)  # fmt: skip
Args = dict[str, int]


def read_shapes(
  value: Any, ranks: tuple[int, ...], where: str
) -> list[list[int]]:
  """Shapes of the image and of the kernel; more may follow."""
  good = isinstance(value, list) and len(value) >= len(ranks)
  for shape, rank in zip(value, ranks, strict=False) if good else ():
    good &= isinstance(shape, list) and len(shape) == rank
    good = good and all(type(n) is int and 0 < n <= 65536 for n in shape)
  if not good:
    raise UserError(
      f'{where}: input_shapes {shown(value)} do not fit the operator.'
    )
  return value


def read_args(value: Any, where: str) -> Args | str:
  """Arguments of a convolution by name, or one that is not understood."""
  if not isinstance(value, list):
    raise UserError(f'{where}: op_args {shown(value)} are no list.')
  found: Args = {}
  for text in value:
    match = ARG.fullmatch(text.strip()) if isinstance(text, str) else None
    if not match:
      raise UserError(f'{where}: cannot read argument {shown(text)}.')
    if match[1] in IDLE:
      continue
    name = re.sub('s$|_[hwtlbr]$', '', match[1])
    numbers = {int(n) for n in WHOLE.findall(match[2])}
    if name in found:
      numbers.add(found[name])
    if name not in GEOMETRY or len(numbers) != 1:
      return f'argument {match[1][:40]}'
    found[name] = numbers.pop()
  return found
