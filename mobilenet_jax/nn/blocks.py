"""Linen modules of the block kinds in `arch.spec`.

Every layer has an explicit name, so that turning one part of a block on or
off renames no other weights. A block's scopes: `expand`, `depthwise`,
`squeeze_excite`, `project`, those of convolutions holding `conv` and `norm`.
"""

from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from mobilenet_jax import arch
from mobilenet_jax.nn.activations import ACTIVATIONS, hard_sigmoid
from mobilenet_jax.nn.conv import Impl, conv
from mobilenet_jax.nn.depthwise import depthwise_conv
from mobilenet_jax.nn.norm import BatchNorm

kernel_init = nn.initializers.variance_scaling(2.0, 'fan_in', 'normal')
logits_init = nn.initializers.normal(0.01)


@dataclass(frozen=True)
class Options:
  """What a spec does not say and every block of a network shares.

  Attributes:
    norm_momentum: weight of the old moving average in batch norm.
    norm_epsilon: epsilon of batch norm.
    impl: form of the convolutions, see `nn.conv`.
    dtype: of the computation; parameters are always float32.
  """

  norm_momentum: float = 0.99
  norm_epsilon: float = 1e-3
  impl: Impl = 'auto'
  dtype: Any = jnp.float32

  def norm(self, name: str = 'norm') -> BatchNorm:
    """The batch norm of these options."""
    return BatchNorm(self.norm_momentum, self.norm_epsilon, name=name)


class ConvKernel(nn.Module):
  """A convolution and its kernel [k, k, C, D]."""

  channels: int
  kernel: int = 1
  stride: int = 1
  use_bias: bool = False
  impl: Impl = 'auto'

  @nn.compact
  def __call__(self, x: Array) -> Array:
    shape = (self.kernel, self.kernel, x.shape[-1], self.channels)
    kernel = self.param('kernel', kernel_init, shape)
    y = conv(x, kernel.astype(x.dtype), self.stride, self.impl)
    if not self.use_bias:
      return y
    bias = self.param('bias', nn.initializers.zeros, (self.channels,))
    return y + bias.astype(x.dtype)


class DepthwiseKernel(nn.Module):
  """A depthwise convolution and its kernel [k, k, 1, C]."""

  kernel: int
  stride: int
  impl: Impl

  @nn.compact
  def __call__(self, x: Array) -> Array:
    shape = (self.kernel, self.kernel, 1, x.shape[-1])
    kernel = self.param('kernel', kernel_init, shape)
    return depthwise_conv(x, kernel.astype(x.dtype), self.stride, self.impl)


class ConvNorm(nn.Module):
  """Convolution without bias, batch norm, activation."""

  channels: int
  kernel: int = 1
  stride: int = 1
  activation: str = 'linear'
  options: Options = Options()

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    impl = self.options.impl
    x = ConvKernel(
      self.channels, self.kernel, self.stride, impl=impl, name='conv'
    )(x)
    x = self.options.norm()(x, train=train)
    return ACTIVATIONS[self.activation](x)


class DepthwiseNorm(nn.Module):
  """Depthwise convolution, batch norm, activation."""

  kernel: int
  stride: int = 1
  activation: str = 'linear'
  options: Options = Options()

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    impl = self.options.impl
    x = DepthwiseKernel(self.kernel, self.stride, impl, name='conv')(x)
    x = self.options.norm()(x, train=train)
    return ACTIVATIONS[self.activation](x)


class SqueezeExcite(nn.Module):
  """Gates every channel by the pooled channels.

  arXiv 1709.01507; hard sigmoid as in MobileNetV3, arXiv 1905.02244, 5.3.
  """

  channels: int
  options: Options = Options()

  @nn.compact
  def __call__(self, x: Array) -> Array:
    shared = {'use_bias': True, 'impl': self.options.impl}
    pooled = x.mean((1, 2), keepdims=True)  # [N, 1, 1, C]
    reduce = ConvKernel(self.channels, name='reduce', **shared)
    expand = ConvKernel(x.shape[-1], name='expand', **shared)
    return x * hard_sigmoid(expand(nn.relu(reduce(pooled))))


class DepthwiseSeparable(nn.Module):
  """`arch.DepthwiseSeparable`."""

  spec: arch.DepthwiseSeparable
  options: Options = Options()

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    spec, options = self.spec, self.options
    x = DepthwiseNorm(
      spec.kernel, spec.stride, spec.activation, options, name='depthwise'
    )(x, train=train)
    return ConvNorm(
      spec.channels,
      activation=spec.activation,
      options=options,
      name='project',
    )(x, train=train)


class InvertedResidual(nn.Module):
  """`arch.InvertedResidual`."""

  spec: arch.InvertedResidual
  options: Options = Options()

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    spec, options, cin = self.spec, self.options, x.shape[-1]
    wide = arch.expanded_channels(spec, cin)
    thin = arch.squeezed_channels(spec, wide)
    shortcut = x
    if arch.has_expansion(spec, cin):
      x = ConvNorm(
        wide, activation=spec.activation, options=options, name='expand'
      )(x, train=train)
    x = DepthwiseNorm(
      spec.kernel, spec.stride, spec.activation, options, name='depthwise'
    )(x, train=train)
    if thin:
      x = SqueezeExcite(thin, options, name='squeeze_excite')(x)
    x = ConvNorm(spec.channels, options=options, name='project')(x, train=train)
    return x + shortcut if arch.has_shortcut(spec, cin) else x


class Dense(nn.Module):
  """`arch.Dense` on [N, C]."""

  spec: arch.Dense
  options: Options = Options()

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    del train
    last = self.spec.activation == 'linear'
    x = nn.Dense(
      self.spec.channels,
      kernel_init=logits_init if last else kernel_init,
      dtype=self.options.dtype,
      name='dense',
    )(x)
    return ACTIVATIONS[self.spec.activation](x)


class Pool(nn.Module):
  """`arch.Pool`: [N, H, W, C] to [N, C]."""

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    del train
    return x.mean((1, 2))


def build_block(
  block: arch.Block, options: Options = Options(), name: str | None = None
) -> nn.Module:
  """Returns the module of a concrete block, called as `m(x, train=...)`."""
  match block:
    case arch.Conv():
      return ConvNorm(
        block.channels,
        block.kernel,
        block.stride,
        block.activation,
        options,
        name=name,
      )
    case arch.DepthwiseSeparable():
      return DepthwiseSeparable(block, options, name=name)
    case arch.InvertedResidual():
      return InvertedResidual(block, options, name=name)
    case arch.Pool():
      return Pool(name=name)
    case arch.Dense():
      return Dense(block, options, name=name)
  raise TypeError(f'no module for {block!r}')
