"""Parameters and multiply-adds, layer by layer: a fold over a spec.

Convention: trainable parameters only (batch norm's moving statistics are
not); multiply-adds of convolutions and dense layers, squeeze-and-excite's
included; bias, norm, activation and pooling cost nothing.
"""

from dataclasses import dataclass

from mobilenet_jax.arch.shapes import BlockIO, shapes
from mobilenet_jax.arch.spec import (
  ArchSpec,
  Block,
  Conv,
  Dense,
  DepthwiseSeparable,
  InvertedResidual,
  expanded_channels,
  has_expansion,
  squeezed_channels,
)


@dataclass(frozen=True)
class Counts:
  """Totals of a network."""

  params: int
  macs: int


@dataclass(frozen=True)
class Layer:
  """One convolution or dense layer with its norm; `name` is its scope."""

  name: str
  kernel: int
  stride: int
  in_size: int
  in_channels: int
  out_size: int
  out_channels: int
  params: int
  macs: int


def block_name(index: int) -> str:
  """The scope of a block's parameters."""
  return f'block_{index:02d}'


def layers(spec: ArchSpec) -> tuple[Layer, ...]:
  """Every layer of a concrete spec, in the order of computation."""
  found = []
  for i, (block, io) in enumerate(zip(spec.blocks, shapes(spec), strict=True)):
    found += block_layers(block, io, block_name(i))
  return tuple(found)


def count(spec: ArchSpec) -> Counts:
  """Trainable parameters and multiply-adds of a concrete spec."""
  rows = layers(spec)
  return Counts(sum(r.params for r in rows), sum(r.macs for r in rows))


def block_layers(block: Block, io: BlockIO, scope: str) -> list[Layer]:
  """The layers of one block."""
  cin, cout, size, out = (
    io.in_channels, io.out_channels, io.in_size, io.out_size,
  )  # fmt: skip
  if isinstance(block, Conv):
    return [_conv(scope, block.kernel, block.stride, size, cin, out, cout)]
  if isinstance(block, Dense):
    return [_biased(scope, cin, cout)]
  if isinstance(block, DepthwiseSeparable):
    return [
      _depthwise(f'{scope}/depthwise', block, size, cin, out),
      _conv(f'{scope}/project', 1, 1, out, cin, out, cout),
    ]
  if isinstance(block, InvertedResidual):
    wide = expanded_channels(block, cin)
    thin = squeezed_channels(block, wide)
    rows = []
    if has_expansion(block, cin):
      rows.append(_conv(f'{scope}/expand', 1, 1, size, cin, size, wide))
    rows.append(_depthwise(f'{scope}/depthwise', block, size, wide, out))
    if thin:
      rows.append(_biased(f'{scope}/squeeze_excite/reduce', wide, thin))
      rows.append(_biased(f'{scope}/squeeze_excite/expand', thin, wide))
    rows.append(_conv(f'{scope}/project', 1, 1, out, wide, out, cout))
    return rows
  return []


def _conv(
  name: str, kernel: int, stride: int, size: int, cin: int, out: int, cout: int
) -> Layer:
  weights = kernel * kernel * cin * cout
  params, macs = weights + 2 * cout, weights * out * out
  return Layer(name, kernel, stride, size, cin, out, cout, params, macs)


def _depthwise(
  name: str,
  block: DepthwiseSeparable | InvertedResidual,
  size: int,
  channels: int,
  out: int,
) -> Layer:
  weights = block.kernel * block.kernel * channels
  params, macs = weights + 2 * channels, weights * out * out
  return Layer(
    name, block.kernel, block.stride, size, channels, out, channels, params,
    macs,
  )  # fmt: skip


def _biased(name: str, cin: int, cout: int) -> Layer:
  return Layer(name, 1, 1, 1, cin, 1, cout, cin * cout + cout, cin * cout)
