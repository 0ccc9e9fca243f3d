"""The YAML tables of ProxylessNAS and Once-for-All, of one grammar.

    expanded_conv-input:28x28x40-output:14x14x80-expand:6-kernel:7-stride:2
    -idskip:0[-se:1-hs:1]:
      {count: ..., mean: ..., var: ...}   # milliseconds

`idskip:1` is a block with its shortcut. Three traps: `expand` is the ratio in
ProxylessNAS but the channels in Once-for-All; ProxylessNAS gives the variance
and Once-for-All the standard deviation; and `Logits` of ProxylessNAS holds
the global pool, which Once-for-All has as `AvgPool2D`.
"""

import math
from collections.abc import Callable
from typing import Any

from mobilenet_jax.arch import Block, Conv, Dense, InvertedResidual, Pool
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.rounding import make_divisible
from mobilenet_jax.latency.importers.mit_keys import (
  Entry,
  read_entry,
  read_timing,
)
from mobilenet_jax.latency.importers.places import (
  ELSEWHERE,
  Found,
  Row,
  Source,
  place,
  record,
  shown,
)
from mobilenet_jax.latency.importers.read import parse_yaml
from mobilenet_jax.latency.timing import Timing

EXPANDED = ('expand', 'kernel', 'stride', 'idskip')
MOST_RATIO = 16


def proxylessnas(source: Source) -> Found:
  """Rows of a ProxylessNAS table."""
  return _table(source, EXPANDED, 'var', _proxyless_block, math.sqrt)


def ofa(source: Source) -> Found:
  """Rows of a Once-for-All table."""
  return _table(source, (*EXPANDED, 'se', 'hs'), 'std', _ofa_block, float)


def _table(
  source: Source,
  names: tuple[str, ...],
  spread: str,
  block: Callable[[Entry], Block],
  to_std: Callable[[float], float],
) -> Found:
  table = parse_yaml(source.text, source.where)
  if not isinstance(table, dict) or not table:
    raise UserError(f'{source.where} is no mapping of blocks to times.')
  rows: list[Row] = []
  for text, value in table.items():
    entry = read_entry(text, names, source.where)
    times = record(value, ('count', 'mean', spread), entry.where)
    timing = read_timing(times, spread, to_std, entry.where)
    rows += _rows(entry, block(entry), timing, source.dtype)
  return Found(rows)


def _rows(entry: Entry, block: Block, timing: Timing, dtype: str) -> list[Row]:
  into, out = entry.into, entry.out
  if not isinstance(block, Dense):
    return [(place(block, into, dtype, entry.where, out), timing)]
  vector = (1, into[1])
  dense = (place(block, vector, dtype, entry.where, out), timing)
  if into[0] == 1:
    return [dense]
  return [(place(Pool(), into, dtype, entry.where), ELSEWHERE), dense]


def _proxyless_block(entry: Entry) -> Block:
  channels = entry.out[1]
  match entry.type:
    case 'Conv':
      return Conv(kernel=3, stride=2, channels=channels, activation='relu6')
    case 'Conv_1':
      return Conv(kernel=1, channels=channels, activation='relu6')
    case 'Logits':
      return Dense(channels=channels)
    case 'expanded_conv':
      ratio = entry.fields['expand']
      if not 1 <= ratio <= MOST_RATIO:
        raise UserError(
          f'{entry.where}: expand is a ratio of 1 to {MOST_RATIO} here; '
          'channels are what format ofa has.'
        )
      return _residual(entry, ratio, activation='relu6')
  raise _unknown(entry, 'Conv, Conv_1, Logits, expanded_conv')


def _ofa_block(entry: Entry) -> Block:
  channels = entry.out[1]
  match entry.type:
    case 'Conv':
      return Conv(
        kernel=3, stride=2, channels=channels, activation='hard_swish'
      )
    case 'Conv_1':
      return Conv(kernel=1, channels=channels, activation='hard_swish')
    case 'AvgPool2D':
      return Pool()
    case 'Conv_2':
      return Dense(channels=channels, activation='hard_swish')
    case 'Logits':
      return Dense(channels=channels)
    case 'expanded_conv':
      return _ofa_residual(entry)
  raise _unknown(
    entry, 'AvgPool2D, Conv, Conv_1, Conv_2, Logits, expanded_conv'
  )


def _ofa_residual(entry: Entry) -> Block:
  wide, cin = entry.fields['expand'], entry.into[1]
  if wide < cin or wide % 8:
    raise UserError(
      f'{entry.where}: expand is a multiple of 8, no less than the {cin} '
      'channels that come in; ratios are what format proxylessnas has.'
    )
  return _residual(
    entry,
    wide / cin,
    squeezed=make_divisible(wide / 4) if entry.fields['se'] else 0,
    activation='hard_swish' if entry.fields['hs'] else 'relu',
  )


def _residual(entry: Entry, ratio: float, **shared: Any) -> Block:
  kernel, stride = entry.fields['kernel'], entry.fields['stride']
  skip = bool(entry.fields['idskip'])
  could = stride == 1 and entry.into == entry.out
  if skip and not could:
    raise UserError(f'{entry.where}: no shortcut joins these shapes.')
  if kernel not in (1, 3, 5, 7, 9) or stride not in (1, 2):
    raise UserError(f'{entry.where}: no kernel {kernel} of stride {stride}.')
  return InvertedResidual(
    kernel=kernel,
    stride=stride,
    expand_ratio=ratio,
    channels=entry.out[1],
    residual=skip or not could,
    **shared,
  )


def _unknown(entry: Entry, valid: str) -> UserError:
  return UserError(
    f'{entry.where}: unknown kind {shown(entry.type)}; valid: {valid}.'
  )
