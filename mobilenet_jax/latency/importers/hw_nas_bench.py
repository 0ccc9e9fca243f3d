"""The FBNet dictionary of HW-NAS-Bench (arXiv 2103.10584) as JSON.

    {"ConvBlock_H56_W56_Cin24_Cout24_exp3_kernel5_stride1_group1": ms, ...}

One metric of one device, in milliseconds. The project publishes a pickle, of
which `dict['fbnet']['pixel3_latency']` is such a dictionary. A block has its
expansion even where it does not widen, and ReLU.
"""

from collections import Counter

from mobilenet_jax.arch import Block, Conv, Dense, InvertedResidual, Pool
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.importers.places import (
  Found,
  Shape,
  Source,
  fields,
  number,
  place,
  shown,
)
from mobilenet_jax.latency.importers.read import parse_json
from mobilenet_jax.latency.timing import Timing

SIZES = ('H', 'W', 'Cin', 'Cout')
NAMES = {
  'ConvBlock': (*SIZES, 'exp', 'kernel', 'stride', 'group'),
  'ConvNorm': (*SIZES, 'kernel', 'stride', 'group'),
  'Skip': (*SIZES, 'stride'),
  'AvgP': (*SIZES, 'kernel', 'stride'),
  'FC': ('Cin', 'Cout'),
}


def hw_nas_bench(source: Source) -> Found:
  """Rows of a dictionary of HW-NAS-Bench."""
  table = parse_json(source.text, source.where)
  if not isinstance(table, dict) or not table:
    raise UserError(f'{source.where} is no object of blocks and times.')
  rows, skipped = [], Counter()
  for text, value in table.items():
    where = f'{source.where}, {shown(text)}'
    if isinstance(value, dict):
      raise UserError(
        f'{where} is a dictionary itself: write one metric of one device, as '
        'json.dump(table["fbnet"]["pixel3_latency"], file) does.'
      )
    timing = _timing(number(value, 'time', where))
    kind, found = _read(text, where)
    block = _block(kind, found)
    if isinstance(block, str):
      skipped[block] += 1
    else:
      into = _into(kind, found, where)
      rows.append((place(block, into, source.dtype, where), timing))
  return Found(rows, dict(sorted(skipped.items())))


def _timing(ms: float) -> Timing:
  return Timing(ms, n=1) if ms else Timing(0.0)


def _read(text: str, where: str) -> tuple[str, dict[str, int]]:
  kind, *parts = text.split('_')
  if kind not in NAMES:
    raise UserError(
      f'{where}: unknown kind {shown(kind)}; valid: {", ".join(NAMES)}.'
    )
  found = fields('-'.join(parts), '', NAMES[kind], where)
  if not all(found.values()) or found.get('stride', 1) > 2:
    raise UserError(f'{where}: a number is out of range.')
  return kind, found


def _into(kind: str, found: dict[str, int], where: str) -> Shape:
  if kind == 'FC':
    return 1, found['Cin']
  if found['H'] != found['W']:
    raise UserError(f'{where}: the image is not square.')
  if kind == 'AvgP' and found['kernel'] != found['H']:
    raise UserError(f'{where} is no global pool.')
  return found['H'], found['Cin']


def _block(kind: str, found: dict[str, int]) -> Block | str:
  """The block, or why there is none of ours."""
  groups, channels = found.get('group', 1), found['Cout']
  if groups > 1:
    return f'{kind} of {groups} groups'
  stride = found.get('stride', 1)
  match kind:
    case 'ConvBlock':
      return InvertedResidual(
        kernel=found['kernel'],
        stride=stride,
        expand_ratio=found['exp'],
        channels=channels,
        full=True,
      )
    case 'ConvNorm':
      return Conv(kernel=found['kernel'], stride=stride, channels=channels)
    case 'AvgP':
      return Pool()
    case 'FC':
      return Dense(channels=channels)
  if stride == 1 and found['Cin'] == channels:
    return 'Skip that does nothing'
  return Conv(kernel=1, stride=stride, channels=channels)
