"""TF-slim's checkpoints (tensorflow/models, research/slim/nets).

They have 1001 classes, 0 being the background. Where a variable has a moving
average beside it, that is taken. Slim cuts out the central 87.5 % of a picture
and squashes it to a square; here the cut is a square.
"""

from collections.abc import Callable
from typing import Any

from mobilenet_jax.arch import ArchSpec, Conv, Dense
from mobilenet_jax.models.pretrained.source import (
  Dialect,
  Slots,
  Source,
  of_tensorflow,
  parts,
)

DIALECT = Dialect(
  '/weights', '/depthwise_weights', '/biases', '/BatchNorm/gamma',
  '/BatchNorm/beta', '/BatchNorm/moving_mean', '/BatchNorm/moving_variance',
)  # fmt: skip
INSIDE = {
  'expand': 'expand',
  'depthwise': 'depthwise',
  'project': 'project',
  'squeeze_excite/reduce': 'squeeze_excite/Conv',
  'squeeze_excite/expand': 'squeeze_excite/Conv_1',
}
LOGITS = 'Logits/Conv2d_1c_1x1'
AVERAGE = '/ExponentialMovingAverage'


def mobilenet_v1(spec: ArchSpec) -> Slots:
  """MobileNetV1: layers are numbered."""
  found = ['Conv2d_0']
  for i, (block, _) in enumerate(parts(spec)):
    if i and not isinstance(block, Dense):
      found += [f'Conv2d_{i}_depthwise', f'Conv2d_{i}_pointwise']
  homes = [f'MobilenetV1/{name}' for name in (*found, LOGITS)]
  return [(home, home) for home in homes]


def _later(root: str) -> Callable[[ArchSpec], Slots]:
  """MobileNetV2 and V3: names that repeat are numbered."""

  def slots(spec: ArchSpec) -> Slots:
    counts: dict[str, int] = {}

    def take(name: str) -> str:
      counts[name] = counts.get(name, -1) + 1
      number = counts[name]
      return f'{root}/{name}_{number}' if number else f'{root}/{name}'

    found = []
    for block, names in parts(spec):
      if isinstance(block, Conv | Dense):
        found.append(take('Conv'))
      else:
        home = take('expanded_conv')
        found += [f'{home}/{INSIDE[name]}' for name in names]
    found[-1] = f'{root}/{LOGITS}'
    return [(home, home) for home in found]

  return slots


def averaged(tensors: dict[str, Any]) -> dict[str, Any]:
  """Moving averages take the place of what they average."""
  means = {
    name.removesuffix(AVERAGE): array
    for name, array in tensors.items()
    if name.endswith(AVERAGE)
  }
  return {**tensors, **means}


_V3 = [f'mobilenet_v3_{size}' for size in ('large', 'small')]
SOURCE = Source(
  models={
    'mobilenet_v1': of_tensorflow('mobilenet_v1', mobilenet_v1),
    'mobilenet_v2': of_tensorflow('mobilenet_v2', _later('MobilenetV2')),
    **{
      name: of_tensorflow(name, _later('MobilenetV3'))
      for base in _V3
      for name in (base, f'{base}_minimalistic')
    },
  },
  dialect=DIALECT,
  prepare=averaged,
  # training's own: optimizers' slots, averages (already taken), counters
  ignored=(
    r'.*/(RMSProp|RMSProp_1|Momentum|Adam|Adam_1|ExponentialMovingAverage)'
    r'|.*global_step|.*/(biased|local_step).*|AuxLogits.*'
  ),
)
