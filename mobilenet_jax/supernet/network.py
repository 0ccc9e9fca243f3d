"""One network that holds the weights of every network of a space.

Weights are those of the largest choices. A smaller width is a mask over the
channels (on CPU what it leaves out is not computed), a smaller kernel the
centre of the largest one, an absent block its shortcut. Batch norm uses the
statistics of the batch, always: moving averages would mix those of different
networks (TuNAS, arXiv 2008.06120). Scopes and layouts are those of
`models.builder`.
"""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from mobilenet_jax.arch import (
  ArchSpec,
  BlockVariants,
  Conv,
  Dense,
  InvertedResidual,
  OneOf,
  Pool,
  block_name,
  expanded_channels,
  has_expansion,
  has_shortcut,
  squeezed_channels,
  variants,
)
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.nn.activations import ACTIVATIONS, hard_sigmoid
from mobilenet_jax.nn.blocks import ConvKernel, Options, kernel_init
from mobilenet_jax.nn.build import build_block
from mobilenet_jax.nn.norm import normalize_and_activate
from mobilenet_jax.nn.param import param
from mobilenet_jax.supernet.elastic import elastic_depthwise
from mobilenet_jax.supernet.masks import (
  Soft,
  channel_mask,
  first_n,
  live_channels,
  mean_over_choices,
  most,
  weight_of,
)
from mobilenet_jax.supernet.support import check_shareable


class SuperNetwork(nn.Module):
  """The weight-sharing network of an open spec.

  Called on [N, resolution, resolution, in_channels] images and the soft
  choice of every decision it returns [N, num_classes] logits.
  """

  spec: ArchSpec
  options: Options = Options()

  def __post_init__(self):
    check_shareable(self.spec)
    super().__post_init__()

  @nn.compact
  def __call__(self, x: Array, soft: Soft) -> Array:
    mask = None  # of the channels of x
    for i, row in enumerate(variants(self.spec)):
      name = block_name(i)
      match row.block:
        case InvertedResidual():
          # a block is cheap to compute again, dear to keep
          block = nn.remat(SuperInvertedResidual)(row, self.options, name=name)
          x = self._with_shortcut(block, x, soft, mask)
          mask = channel_mask(row.block.channels, soft)
        case Conv():
          block = SuperConv(row.block, self.options, name=name)
          x = block(x, soft, inputs=mask)
          mask = channel_mask(row.block.channels, soft)
        case Dense() | Pool():
          x = build_block(row.block, self.options, name)(x, train=True)
    return x

  def _with_shortcut(
    self, block: nn.Module, x: Array, soft: Soft, mask: Array | None
  ) -> Array:
    """Adds the block to its shortcut; an absent block is not computed."""
    row = block.row
    if not has_shortcut(*row.first()):
      return block(x, soft, mask)
    there = weight_of(row.keep, soft)
    if row.keep is True or self.is_initializing():
      return x + there * block(x, soft, mask)
    return nn.cond(
      there > 0,
      lambda module, x: x + there * module(x, soft, mask),
      lambda module, x: x,
      block,
      x,
    )


class BatchNorm(nn.Module):
  """Batch norm on the statistics of the batch, without moving averages, the
  activation and the mask after it."""

  options: Options

  @nn.compact
  def __call__(
    self, x: Array, activation: str | OneOf, soft: Soft, mask: Array | None
  ) -> Array:
    scale = param(self, 'scale', nn.initializers.ones, x.shape[-1:])
    bias = param(self, 'bias', nn.initializers.zeros, x.shape[-1:])
    fixed = 'linear' if isinstance(activation, OneOf) else activation
    options = self.options
    shared = (options.norm_epsilon, fixed, options.impl)
    if isinstance(activation, OneOf):
      y, *_ = normalize_and_activate(x, scale, bias, *shared)
      y = mixed_activation(activation, y, soft)
      return y if mask is None else y * mask
    live = live_channels(mask, mask, x.shape[-1], x.shape[-1])
    y, *_ = normalize_and_activate(x, scale, bias, *shared, mask, live)
    return y


class SuperConv(nn.Module):
  """Convolution, batch norm, activation, mask over the output channels.

  `inputs` is the mask that the input has.
  """

  spec: Conv
  options: Options

  @nn.compact
  def __call__(
    self,
    x: Array,
    soft: Soft,
    mask: Array | None = None,
    inputs: Array | None = None,
  ) -> Array:
    spec = self.spec
    if mask is None:
      mask = channel_mask(spec.channels, soft)
    x = ConvKernel(
      most(spec.channels),
      spec.kernel,
      spec.stride,
      impl=self.options.impl,
      name='conv',
    )(x, live=live_channels(inputs, mask, x.shape[-1], most(spec.channels)))
    return BatchNorm(self.options, name='norm')(x, spec.activation, soft, mask)


class SuperDepthwise(nn.Module):
  """Depthwise convolution with a searched kernel, batch norm, activation."""

  spec: InvertedResidual
  options: Options

  @nn.compact
  def __call__(self, x: Array, soft: Soft, mask: Array | None) -> Array:
    spec, options = self.spec, self.options
    kernel = DepthwiseKernel(most(spec.kernel), name='conv')(x.shape[-1])
    kernel = kernel.astype(x.dtype)
    live = live_channels(mask, mask, x.shape[-1], x.shape[-1])
    x = elastic_depthwise(x, kernel, spec, soft, options.impl, live)
    return BatchNorm(options, name='norm')(x, spec.activation, soft, mask)


class DepthwiseKernel(nn.Module):
  """The kernel [k, k, 1, C] alone, in the scope a network has it in."""

  kernel: int

  @nn.compact
  def __call__(self, channels: int) -> Array:
    shape = (self.kernel, self.kernel, 1, channels)
    return param(self, 'kernel', kernel_init, shape)


class SuperSqueezeExcite(nn.Module):
  """Channel gates with masked inner channels; returns the gates."""

  channels: int
  options: Options

  @nn.compact
  def __call__(self, x: Array, mask: Array) -> Array:
    shared = {'use_bias': True, 'impl': self.options.impl}
    pooled = x.mean((1, 2), keepdims=True)  # [N, 1, 1, C]
    reduce = ConvKernel(self.channels, name='reduce', **shared)
    expand = ConvKernel(x.shape[-1], name='expand', **shared)
    return hard_sigmoid(expand(nn.relu(reduce(pooled)) * mask))


class SuperInvertedResidual(nn.Module):
  """All inverted residuals that a block can become, without the shortcut.

  `inputs` is the mask that the input has.
  """

  row: BlockVariants[InvertedResidual]
  options: Options

  @nn.compact
  def __call__(self, x: Array, soft: Soft, inputs: Array | None) -> Array:
    row, spec, options = self.row, self.row.block, self.options
    by_width = row.only('expand_ratio')
    made = [(block, io.in_channels) for _, block, io in by_width.each()]
    wide = max(expanded_channels(block, cin) for block, cin in made)
    mask = None
    if len(made) > 1:
      mask = mean_over_choices(
        by_width, soft, lambda b, c: first_n(expanded_channels(b, c), wide)
      )
    if has_expansion(*made[0]):
      expand = Conv(kernel=1, channels=wide, activation=spec.activation)
      x = SuperConv(expand, options, name='expand')(x, soft, mask, inputs)
    x = SuperDepthwise(spec, options, name='depthwise')(x, soft, mask)
    x = self._squeeze_excite(x, soft)
    project = Conv(kernel=1, channels=spec.channels, activation='linear')
    return SuperConv(project, options, name='project')(x, soft, inputs=mask)

  def _squeeze_excite(self, x: Array, soft: Soft) -> Array:
    if self.row.block.gate != 'hard_sigmoid':
      raise UserError(
        f'No weight-sharing form with gate {self.row.block.gate!r}.'
      )
    row = self.row.only('expand_ratio', 'squeeze_excite')

    def squeezed(block: InvertedResidual, in_channels: int) -> int:
      return squeezed_channels(block, expanded_channels(block, in_channels))

    thin = max(squeezed(b, io.in_channels) for _, b, io in row.each())
    if not thin:
      return x
    on = weight_of(self.row.block.squeeze_excite, soft)
    mask = mean_over_choices(
      row, soft, lambda b, c: first_n(squeezed(b, c), thin)
    )
    mask = mask / jnp.maximum(on, 1e-6)  # of the choices that have gates
    gates = SuperSqueezeExcite(thin, self.options, name='squeeze_excite')
    return x * (1 - on + on * gates(x, mask))


def mixed_activation(value: OneOf, x: Array, soft: Soft) -> Array:
  """The chosen activation, or the average of several."""
  weights = soft[value.tag]
  parts = [
    w * ACTIVATIONS[f](x) for f, w in zip(value.choices, weights, strict=True)
  ]
  return sum(parts[1:], start=parts[0])
