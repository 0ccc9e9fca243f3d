"""The operations that a block is made of, as blocks, and their work.

A space may hold too many blocks to measure one by one, while the operations
that they are composed of repeat. An operation is a block itself (a
convolution, a depthwise convolution, squeeze-and-excite), so that it has a
key and can be measured like any other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from mobilenet_jax.arch import (
  Block,
  BlockIO,
  Conv,
  DepthwiseSeparable,
  FusedInvertedResidual,
  InvertedResidual,
  Layer,
  SqueezeExcite,
  UniversalBottleneck,
)
from mobilenet_jax.latency.key import BlockKey, block_key, block_of, io_of

Composed = (
  DepthwiseSeparable | InvertedResidual | FusedInvertedResidual
  | UniversalBottleneck
)  # fmt: skip
UNFUSED = ('hard_swish', 'swish', 'gelu')  # not a clamp of the convolution
# every kind of operation, in the order in which calibrations name them
WORK = ('conv', 'pointwise', 'depthwise', 'dense', 'pool', 'elementwise')


@dataclass(frozen=True)
class Work:
  """What an operation does.

  Attributes:
    kind: of `WORK`.
    macs: multiply-adds.
    moved: numbers read and written: input, output and weights.
  """

  kind: str
  macs: int
  moved: int


def operations(key: BlockKey) -> tuple[BlockKey, ...]:
  """The keys of the operations of a block; itself where it is one.

  The sum of a shortcut is not among them.
  """
  block, io = block_of(key), io_of(key)
  if not isinstance(block, get_args(Composed)):
    return (key,)
  found = []
  for layer in block.layers(io):
    made = _operation(block, layer)
    if made:
      place = BlockIO(
        layer.in_size, layer.in_channels, layer.out_size, layer.out_channels
      )
      if isinstance(made, SqueezeExcite):
        place = BlockIO(
          io.out_size, layer.in_channels, io.out_size, layer.in_channels
        )
      found.append(block_key(made, place, key.dtype, key.padding))
  return tuple(found)


def _operation(block: Composed, layer: Layer) -> Block | None:
  """A layer as a block; None for what another layer stands for."""
  if layer.name == 'squeeze_excite/reduce':
    assert isinstance(block, InvertedResidual)
    return SqueezeExcite(
      squeezed=layer.out_channels, gate=block.gate, activation=block.activation
    )
  if layer.name in ('squeeze_excite/expand', 'layer_scale'):
    return None
  linear = layer.name == 'start' or (
    layer.name == 'project' and not isinstance(block, DepthwiseSeparable)
  )
  return Conv(
    kernel=layer.kernel,
    stride=layer.stride,
    channels=layer.out_channels,
    activation='linear' if linear else block.activation,
    groups=layer.groups,
    dilation=block.dilation if layer.kernel > 1 else 1,
  )


def work(key: BlockKey) -> Iterator[Work]:
  """What the operations of a block do, its activations and shortcut too."""
  for part in operations(key):
    yield from _work(part)
  if key.shortcut:
    io = io_of(key)
    yield Work('elementwise', 0, 3 * io.out_size**2 * io.out_channels)


def _work(key: BlockKey) -> Iterator[Work]:
  block, io = block_of(key), io_of(key)
  image = io.in_size**2 * io.in_channels
  rows = block.layers(io)
  for row in rows:
    if row.weights:
      yield Work(_kind(row), row.macs, _moved(row))
  if isinstance(block, SqueezeExcite):
    yield Work('elementwise', 0, 2 * image)
  if isinstance(block, SqueezeExcite) or not rows:
    yield Work('pool', 0, image)
  if getattr(block, 'activation', '') in UNFUSED:
    yield Work('elementwise', 0, 2 * io.out_size**2 * io.out_channels)


def _kind(row: Layer) -> str:
  if row.in_size == row.kernel == 1:
    return 'dense'
  if row.groups == row.in_channels > 1:
    return 'depthwise'
  return 'pointwise' if row.kernel == 1 else 'conv'


def _moved(row: Layer) -> int:
  return (
    row.in_size**2 * row.in_channels
    + row.out_size**2 * row.out_channels
    + row.weights
  )
