"""The operators of mobile-vision's `runtime_lut`, a line of JSON each.

    {"op_type": "Int8ConvRelu",
     "op_args": ["name: \\"stride\\"\\ni: 2\\n", ...],
     "input_shapes": [[1, 112, 112, 32], [32, 3, 3, 1], [32]],
     "input_dtypes": [...], "device": "SM-G950U-7.0-24",
     "runtime_us_p0": ..., _p10, _p50, _p90, _p100}

Microseconds; shapes are NHWC, a kernel is [out, height, width, in a group].
The rows are operations, of which blocks are composed; the authors' program
takes the median, the mean of records of one operator, and for a convolution
that the table lacks the one with ReLU, as is done here.
"""

import dataclasses
import re
from collections import Counter
from typing import Any

from mobilenet_jax.arch import Block, Conv, Dense, Pool
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.importers.caffe2 import (
  Args,
  read_args,
  read_shapes,
)
from mobilenet_jax.latency.importers.places import (
  Found,
  Row,
  Shape,
  Source,
  number,
  place,
  record,
  shown,
)
from mobilenet_jax.latency.importers.read import parse_json
from mobilenet_jax.latency.key import block_of
from mobilenet_jax.latency.timing import Timing

QUANTILES = tuple(f'runtime_us_p{q}' for q in (0, 10, 50, 90, 100))
NAMES = ('op_type', 'op_args', 'input_shapes', 'input_dtypes', 'device')
CONVOLUTIONS = {'Int8ConvRelu': 'relu', 'Int8Conv': 'linear'}
GALAXY_S8 = re.compile(r'SM-G950U\b')  # the model that the authors name
RANKS = {
  'Int8ConvRelu': (4, 4), 'Int8Conv': (4, 4), 'Int8FC': (2, 2),
  'Int8AveragePool': (4,),
}  # fmt: skip


def mobile_vision(source: Source) -> Found:
  """Rows of a table of mobile-vision, of one device."""
  rows: list[Row] = []
  skipped, devices = Counter(), set()
  for i, line in enumerate(source.text.split('\n'), 1):
    if not line.strip():
      continue
    where = f'{source.where}, line {i}'
    entry = record(parse_json(line, where), (*NAMES, *QUANTILES), where)
    devices.add(_device(entry, where))
    timing, made = _timing(entry, where), _operation(entry, where)
    if isinstance(made, str):
      skipped[made] += 1
    else:
      block, into = made
      rows.append((place(block, into, source.dtype, where), timing))
  if len(devices) != 1:
    raise UserError(
      f'{source.where} is of {len(devices)} devices, not of one: '
      f'{", ".join(sorted(devices))}.'
    )
  skips = dict(sorted(skipped.items()))
  return Found(rows + _linear(rows), skips, _about(devices.pop()))


def _device(entry: dict[str, Any], where: str) -> str:
  """Model, version of Android and its level: 'SM-G950U-7.0-24'."""
  device = entry['device']
  if isinstance(device, str) and device.isprintable() and device.strip():
    return device
  raise UserError(f'{where}: device {shown(device)} is no name.')


def _about(device: str) -> dict[str, Any]:
  if GALAXY_S8.match(device):
    return {'device': f'Galaxy S8 ({device})', 'chip': 'Snapdragon 835'}
  return {'device': device}


def _timing(entry: dict[str, Any], where: str) -> Timing:
  times = [number(entry[name], name, where) / 1000 for name in QUANTILES]
  if times != sorted(times):
    raise UserError(f'{where}: its quantiles are not in order.')
  _, p10, p50, p90, _ = times
  return Timing(p50, p10_ms=p10, p50_ms=p50, p90_ms=p90, n=1 if p50 else 0)


def _linear(rows: list[Row]) -> list[Row]:
  """Convolutions without ReLU that are only there with it."""
  known = {key for key, _ in rows}
  more = []
  for key, timing in rows:
    block = block_of(key)
    if isinstance(block, Conv) and block.activation == 'relu':
      bare = dataclasses.replace(block, activation='linear')
      into = (key.in_size, key.in_channels)
      made = place(bare, into, key.dtype, str(key))
      if made not in known:
        more.append((made, timing))
  return more


def _operation(entry: dict[str, Any], where: str) -> tuple[Block, Shape] | str:
  """The operation and what goes into it, or why there is none of ours."""
  kind = entry['op_type']
  if not isinstance(kind, str) or kind not in RANKS:
    return str(kind)[:40]
  shapes = read_shapes(entry['input_shapes'], RANKS[kind], where)
  image = shapes[0]
  if image[0] != 1 or (len(image) == 4 and image[1] != image[2]):
    return f'{kind} of a batch or an image that is not square'
  args = read_args(entry['op_args'], where)
  if isinstance(args, str):
    return f'{kind} with {args}'
  if kind == 'Int8FC':
    return Dense(channels=shapes[1][0]), (1, shapes[1][1])
  if kind == 'Int8AveragePool':
    whole = args.get('kernel', image[1]) == image[1] and not args.get('pad')
    return (Pool(), (image[1], image[3])) if whole else f'{kind} of a part'
  return _convolution(kind, shapes, args, where)


def _convolution(
  kind: str, shapes: list[list[int]], args: Args, where: str
) -> tuple[Block, Shape] | str:
  image, weights = shapes[0], shapes[1]
  if weights[1] != args.get('kernel', weights[1]):
    raise UserError(f'{where}: {weights} is no kernel of this convolution.')
  out, kernel, width, cin = weights
  groups = args.get('group', 1)
  if cin * groups != image[3]:
    raise UserError(
      f'{where}: {groups} groups of {cin} channels are not {image[3]}.'
    )
  pad, dilation = args.get('pad', 0), args.get('dilation', 1)
  if width != kernel or dilation != 1:
    return f'{kind} that is dilated or not square'
  block = Conv(
    kernel=kernel,
    stride=args.get('stride', 1),
    channels=out,
    activation=CONVOLUTIONS[kind],
    groups=groups,
    padding=None if pad == kernel // 2 else pad,
  )
  return block, (image[1], image[3])
