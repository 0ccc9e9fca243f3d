"""Keras's applications (3.15; weights of Keras 2 have the same order).

Keras 3 files number the layers of each class in order of the network, and old
ones list them in that order: `read_keras` gives both the names of the former.
"""

import dataclasses
from typing import Any

from mobilenet_jax.arch import ArchSpec, layers
from mobilenet_jax.arch.inputs import TENSORFLOW
from mobilenet_jax.models.pretrained.source import (
  Dialect,
  Slots,
  Source,
  Variant,
)

DIALECT = Dialect(
  '/0', '/0', '/1', '/0', '/1', '/2', '/3',
)  # fmt: skip
# keras.utils.load_img at the network's size
INPUTS = dataclasses.replace(
  TENSORFLOW, squash=True, interpolation='nearest', crop=1.0
)


def _numbered(kind: str, count: int) -> str:
  return f'layers/{kind}_{count}/vars' if count else f'layers/{kind}/vars'


def in_order(spec: ArchSpec, dense: bool) -> Slots:
  """Every layer by its class and number.

  Args:
    spec: the network.
    dense: whether the classifier is a dense layer, not a 1x1 convolution.
  """
  counts: dict[str, int] = {}

  def take(kind: str) -> str:
    counts[kind] = counts.get(kind, -1) + 1
    return _numbered(kind, counts[kind])

  found: Slots = []
  for layer in layers(spec):
    kind = 'conv2d'
    if 1 < layer.groups == layer.in_channels:
      kind = 'depthwise_conv2d'
    elif layer.weight == 'dense' and dense:
      kind = 'dense'
    found.append(
      (take(kind), take('batch_normalization') if layer.norm else '')
    )
  return found


def _make(name: str, *, dense: bool = False, **more: Any) -> Variant:
  return Variant(
    name=name,
    slots=lambda spec: in_order(spec, dense),
    padding='same',
    norm_epsilon=1e-3,
    inputs=INPUTS,
    **more,
  )


_MODELS = {
  'MobileNet': _make('mobilenet_v1', width=None),
  'MobileNetV2': _make('mobilenet_v2', width=None, dense=True),
}
for _size in ('Large', 'Small'):
  _name = f'mobilenet_v3_{_size.lower()}'
  for _width, _end in ((1.0, ''), (0.75, '_075')):
    _MODELS[f'MobileNetV3{_size}{_end}'] = _make(_name, width=_width)
    _MODELS[f'MobileNetV3{_size}Minimalistic{_end}'] = _make(
      f'{_name}_minimalistic', width=_width
    )

SOURCE = Source(
  models=_MODELS,
  dialect=DIALECT,
  ignored=r'(?!layers/).*|.*/seed_generator/.*',
)
