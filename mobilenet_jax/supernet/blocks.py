"""Blocks that hold all that they can become, without their shortcut."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from mobilenet_jax.arch import (
  BlockVariants,
  Conv,
  DepthwiseSeparable,
  FusedInvertedResidual,
  InvertedResidual,
  OneOf,
  UniversalBottleneck,
  expanded_channels,
  has_expansion,
  squeezed_channels,
)
from mobilenet_jax.nn.blocks import LayerScale, Options
from mobilenet_jax.supernet.layers import (
  SuperConv,
  SuperDepthwise,
  SuperSqueezeExcite,
)
from mobilenet_jax.supernet.masks import (
  Soft,
  choices_of,
  first_n,
  mean_over_choices,
  most,
  weight_of,
)
from mobilenet_jax.supernet.support import strides_of


class SuperInvertedResidual(nn.Module):
  """All inverted residuals that a block can become.

  `inputs` is the mask that the input has.
  """

  row: BlockVariants[InvertedResidual]
  options: Options

  @nn.compact
  def __call__(self, x: Array, soft: Soft, inputs: Array | None) -> Array:
    spec, options = self.row.block, self.options
    wide, mask = inner_width(self.row, soft)
    if has_expansion(*self.row.first()):
      expand = Conv(kernel=1, channels=wide, activation=spec.activation)
      x = SuperConv(expand, options, name='expand')(x, soft, inputs, mask)
    x = depthwise(spec, options)(x, soft, mask)
    x = self._squeeze_excite(x, soft)
    project = Conv(kernel=1, channels=spec.channels, activation='linear')
    return SuperConv(project, options, name='project')(x, soft, mask)

  def _squeeze_excite(self, x: Array, soft: Soft) -> Array:
    row = self.row.only('expand_ratio', 'squeeze_excite', 'squeezed')
    spec = self.row.block

    def squeezed(block: InvertedResidual, in_channels: int) -> int:
      return squeezed_channels(block, expanded_channels(block, in_channels))

    found = [squeezed(block, io.in_channels) for _, block, io in row.each()]
    thin = max(found)
    if not thin:
      return x
    mask = mean_over_choices(
      row, soft, lambda b, c: first_n(squeezed(b, c), thin)
    )
    on = 1.0  # the weight of the choices that have gates
    if not all(found):
      on = mean_over_choices(
        row, soft, lambda b, c: first_n(bool(squeezed(b, c)), 1)
      )
      mask = mask / jnp.maximum(on, 1e-6)
    inner = spec.activation if spec.gate == 'sigmoid' else 'relu'
    gates = SuperSqueezeExcite(
      thin, inner, spec.gate, self.options, name='squeeze_excite'
    )
    return x * (1 - on + on * gates(x, mask, soft))


class SuperSeparable(nn.Module):
  """All separable convolutions that a block can become.

  `inputs` is the mask that the input has.
  """

  row: BlockVariants[DepthwiseSeparable]
  options: Options

  @nn.compact
  def __call__(self, x: Array, soft: Soft, inputs: Array | None) -> Array:
    spec, options = self.row.block, self.options
    x = depthwise(spec, options)(x, soft, inputs)
    project = Conv(kernel=1, channels=spec.channels, activation=spec.activation)
    return SuperConv(project, options, name='project')(x, soft, inputs)


class SuperFusedResidual(nn.Module):
  """All fused inverted residuals that a block can become.

  `inputs` is the mask that the input has.
  """

  row: BlockVariants[FusedInvertedResidual]
  options: Options

  @nn.compact
  def __call__(self, x: Array, soft: Soft, inputs: Array | None) -> Array:
    spec, options = self.row.block, self.options
    wide, mask = inner_width(self.row, soft)
    expand = Conv(
      kernel=spec.kernel,
      stride=spec.stride,
      channels=wide,
      activation=spec.activation,
      dilation=spec.dilation,
    )
    x = SuperConv(expand, options, name='expand')(x, soft, inputs, mask)
    project = Conv(kernel=1, channels=spec.channels, activation='linear')
    return SuperConv(project, options, name='project')(x, soft, mask)


class SuperUniversalBottleneck(nn.Module):
  """All universal inverted bottlenecks that a block can become.

  A depthwise convolution that may be missing is not computed where it is.
  `inputs` is the mask that the input has.
  """

  row: BlockVariants[UniversalBottleneck]
  options: Options

  @nn.compact
  def __call__(self, x: Array, soft: Soft, inputs: Array | None) -> Array:
    spec, options = self.row.block, self.options
    wide, mask = inner_width(self.row, soft)
    first, second = strides_of(spec)
    start = self._depthwise('start', spec.start_kernel, first, 'linear')
    x = optional(self, start, x, soft, inputs)
    expand = Conv(kernel=1, channels=wide, activation=spec.activation)
    x = SuperConv(expand, options, name='expand')(x, soft, inputs, mask)
    inner = self._depthwise('depthwise', spec.kernel, second, spec.activation)
    x = optional(self, inner, x, soft, mask)
    project = Conv(kernel=1, channels=spec.channels, activation='linear')
    x = SuperConv(project, options, name='project')(x, soft, mask)
    return LayerScale(name='layer_scale')(x) if spec.layer_scale else x

  def _depthwise(
    self, name: str, kernel: int | OneOf, stride: int, act: str | OneOf
  ) -> SuperDepthwise | None:
    if not most(kernel):
      return None
    return SuperDepthwise(
      kernel, stride, act, self.options, self.row.block.dilation, name=name
    )


def depthwise(
  spec: InvertedResidual | DepthwiseSeparable, options: Options
) -> SuperDepthwise:
  """The depthwise convolution of a block that has one."""
  return SuperDepthwise(
    spec.kernel,
    spec.stride,
    spec.activation,
    options,
    spec.dilation,
    name='depthwise',
  )


def optional(
  module: nn.Module,
  layer: SuperDepthwise | None,
  x: Array,
  soft: Soft,
  mask: Array | None,
) -> Array:
  """A layer that may be missing (kernel 0): not computed where it is, and the
  average of what it does and x where choices are averaged.

  Args:
    module: that has the layer.
    layer: None is always missing.
    mask: that x has.
  """
  if layer is None:
    return x
  if 0 not in choices_of(layer.kernel) or module.is_initializing():
    return layer(x, soft, mask)
  there = weight_of(layer.kernel, soft)
  return nn.cond(
    there > 0,
    lambda layer, x: (1 - there) * x + there * layer(x, soft, mask),
    lambda layer, x: x,
    layer,
    x,
  )


def inner_width(row: BlockVariants, soft: Soft) -> tuple[int, Array | None]:
  """Most channels inside a block, and their mask where any is open."""
  by_width = row.only('expand_ratio')
  made = [(block, io.in_channels) for _, block, io in by_width.each()]
  wide = max(expanded_channels(block, cin) for block, cin in made)
  if len(made) == 1:
    return wide, None
  return wide, mean_over_choices(
    by_width, soft, lambda b, c: first_n(expanded_channels(b, c), wide)
  )
