"""MobileNetV1 and V2 of Hugging Face's transformers (5.23).

google/mobilenet_v1_* and v2_*: TensorFlow's weights, 1001 classes. The
config.json beside the file has the width, padding and epsilon;
preprocessor_config.json how images are prepared.
"""

import dataclasses
from typing import Any

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.arch.inputs import Inputs
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.models.pretrained.source import (
  TORCH,
  Slots,
  Source,
  channels,
  of_tensorflow,
  parts,
)

V2 = {'expand': 'expand_1x1', 'depthwise': 'conv_3x3', 'project': 'reduce_1x1'}
STEM = 'mobilenet_v2.conv_stem'
RESAMPLE = {0: 'nearest', 2: 'bilinear', 3: 'bicubic'}  # Pillow's numbers


def _pairs(homes: list[str]) -> Slots:
  found = [(f'{home}.convolution', f'{home}.normalization') for home in homes]
  return [*found, ('classifier', '')]


def mobilenet_v1(spec: ArchSpec) -> Slots:
  """MobileNetV1: depthwise and pointwise layers are counted together."""
  count = sum(len(names) for _, names in parts(spec)) - 2
  inner = [f'mobilenet_v1.layer.{i}' for i in range(count)]
  return _pairs(['mobilenet_v1.conv_stem', *inner])


def mobilenet_v2(spec: ArchSpec) -> Slots:
  """MobileNetV2: the first block belongs to the stem."""
  _, (_, first), *rest = parts(spec)
  homes = [f'{STEM}.first_conv', *(f'{STEM}.{V2[name]}' for name in first)]
  for i, (_, names) in enumerate(rest[:-2]):
    homes += [f'mobilenet_v2.layer.{i}.{V2[name]}' for name in names]
  return _pairs([*homes, 'mobilenet_v2.conv_1x1'])


def _settle(spec: ArchSpec, settings: dict[str, Any], file: str) -> ArchSpec:
  del file
  config = settings.get('config', {})
  try:
    inputs = _inputs(spec, settings.get('preprocessor_config', {}))
    same = config.get('tf_padding', spec.padding == 'same')
    return spec.replace(
      inputs=inputs,
      padding='same' if same else 'symmetric',
      norm_epsilon=float(config.get('layer_norm_eps', spec.norm_epsilon)),
      resolution=int(config.get('image_size', spec.resolution)),
    )
  except (TypeError, ValueError, ArithmeticError, AttributeError) as error:
    raise UserError(f'config.json or its neighbour says {error}.') from error


def _inputs(spec: ArchSpec, said: dict[str, Any]) -> Inputs:
  usual = spec.inputs
  size, cut = said.get('size', {}), said.get('crop_size', {})
  crop = usual.crop
  if 'shortest_edge' in size and 'height' in cut:
    crop = min(cut['height'] / size['shortest_edge'], 1.0)
  return dataclasses.replace(
    usual,
    mean=channels(said.get('image_mean', usual.mean)),
    std=channels(said.get('image_std', usual.std)),
    crop=crop,
    interpolation=RESAMPLE.get(said.get('resample', -1), usual.interpolation),
  )


def _called(settings: dict[str, Any]) -> str:
  return str(settings.get('config', {}).get('model_type', ''))


def _width_of(settings: dict[str, Any]) -> float | None:
  width = settings.get('config', {}).get('depth_multiplier')
  if width is not None and not isinstance(width, int | float):
    raise UserError(f'config.json says depth_multiplier {width!r}.')
  return width


SOURCE = Source(
  models={
    'mobilenet_v1': of_tensorflow('mobilenet_v1', mobilenet_v1),
    'mobilenet_v2': of_tensorflow('mobilenet_v2', mobilenet_v2),
  },
  dialect=TORCH,
  settle=_settle,
  beside=('config', 'preprocessor_config'),
  called=_called,
  width_of=_width_of,
)
