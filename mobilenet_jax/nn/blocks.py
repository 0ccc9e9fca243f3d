"""Linen modules that every network is made of.

Every layer has an explicit name, so that turning one part of a block on or
off renames no other weights. The scope of a convolution holds `conv` and
`norm`; the names are those of `arch.layers`.
"""

from dataclasses import dataclass
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from mobilenet_jax import arch
from mobilenet_jax.nn.activations import ACTIVATIONS, GATES
from mobilenet_jax.nn.affine import Affine
from mobilenet_jax.nn.conv import Impl, conv
from mobilenet_jax.nn.depthwise import depthwise_conv
from mobilenet_jax.nn.norm import BatchNorm
from mobilenet_jax.nn.param import param
from mobilenet_jax.nn.pool import adaptive_mean, max_pool

kernel_init = nn.initializers.variance_scaling(2.0, 'fan_in', 'normal')
logits_init = nn.initializers.normal(0.01)


@dataclass(frozen=True)
class Options:
  """What a block does not say and every block of a network shares.

  Attributes:
    norm_momentum: weight of the old moving average in batch norm.
    norm_epsilon: epsilon of batch norm.
    impl: form of the convolutions, see `nn.conv`.
    dtype: of the computation; parameters are always float32.
    padding: the network's rule, see `arch.axis`.
    drop_path: how likely a block with a shortcut is left out for an image, in
      training; the one number that differs between a network's blocks.
  """

  norm_momentum: float = 0.99
  norm_epsilon: float = 1e-3
  impl: Impl = 'auto'
  dtype: Any = jnp.float32
  padding: arch.Padding = 'same'
  drop_path: float = 0.0

  def norm(self, activation: str = 'linear', name: str = 'norm') -> BatchNorm:
    """The batch norm of these options, and the activation after it."""
    return BatchNorm(
      self.norm_momentum, self.norm_epsilon, activation, self.impl, name=name
    )


class ConvKernel(nn.Module):
  """A convolution and its kernel [k, k, C / groups, D].

  With a bias it has an activation, too; without, what follows is given.
  """

  channels: int
  kernel: int = 1
  stride: int = 1
  groups: int = 1
  dilation: int = 1
  padding: arch.Padding = 'same'
  use_bias: bool = False
  activation: str = 'linear'
  impl: Impl = 'auto'

  @nn.compact
  def __call__(
    self, x: Array, then: Affine | None = None, live: Array | None = None
  ) -> Array:
    inputs = x.shape[-1] // self.groups
    shape = (self.kernel, self.kernel, inputs, self.channels)
    kernel = param(self, 'kernel', kernel_init, shape)
    if self.use_bias:
      bias = param(self, 'bias', nn.initializers.zeros, (self.channels,))
      then = Affine(None, bias, self.activation)
    return conv(
      x,
      kernel.astype(x.dtype),
      self.stride,
      self.impl,
      padding=self.padding,
      dilation=self.dilation,
      groups=self.groups,
      then=then,
      live=live,
    )


class DepthwiseKernel(nn.Module):
  """A depthwise convolution and its kernel [k, k, 1, C]."""

  kernel: int
  stride: int
  dilation: int
  padding: arch.Padding
  impl: Impl

  @nn.compact
  def __call__(self, x: Array, then: Affine | None = None) -> Array:
    shape = (self.kernel, self.kernel, 1, x.shape[-1])
    kernel = param(self, 'kernel', kernel_init, shape)
    return depthwise_conv(
      x,
      kernel.astype(x.dtype),
      self.stride,
      self.impl,
      padding=self.padding,
      dilation=self.dilation,
      then=then,
    )


class ConvNorm(nn.Module):
  """Convolution, batch norm, activation; without norm, with a bias."""

  channels: int
  kernel: int = 1
  stride: int = 1
  activation: str = 'linear'
  options: Options = Options()
  groups: int = 1
  dilation: int = 1
  padding: int | None = None
  norm: bool = True

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    options = self.options
    convolve = ConvKernel(
      self.channels,
      self.kernel,
      self.stride,
      self.groups,
      self.dilation,
      options.padding if self.padding is None else self.padding,
      use_bias=not self.norm,
      activation=self.activation,
      impl=options.impl,
      name='conv',
    )
    if not self.norm:
      return convolve(x)
    norm = options.norm(self.activation)
    if train:
      return norm(convolve(x), train=True)
    return convolve(x, norm.affine(self.channels))


class DepthwiseNorm(nn.Module):
  """Depthwise convolution, batch norm, activation."""

  kernel: int
  stride: int = 1
  activation: str = 'linear'
  options: Options = Options()
  dilation: int = 1

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    options = self.options
    convolve = DepthwiseKernel(
      self.kernel,
      self.stride,
      self.dilation,
      options.padding,
      options.impl,
      name='conv',
    )
    norm = options.norm(self.activation)
    if train:
      return norm(convolve(x), train=True)
    return convolve(x, norm.affine(x.shape[-1]))


class SqueezeExcite(nn.Module):
  """Gates every channel by the pooled channels.

  arXiv 1709.01507; with 'relu' and 'hard_sigmoid' as in MobileNetV3, arXiv
  1905.02244, section 5.3.
  """

  channels: int
  options: Options = Options()
  activation: str = 'relu'
  gate: str = 'hard_sigmoid'

  @nn.compact
  def __call__(self, x: Array) -> Array:
    shared = {'use_bias': True, 'impl': self.options.impl}
    pooled = x.mean((1, 2), keepdims=True)  # [N, 1, 1, C]
    reduce = ConvKernel(
      self.channels, activation=self.activation, name='reduce', **shared
    )
    expand = ConvKernel(x.shape[-1], name='expand', **shared)
    return x * GATES[self.gate](expand(reduce(pooled)))


class LayerScale(nn.Module):
  """Scales every channel by a number that starts small.

  arXiv 2103.17239, section 2.1.
  """

  @nn.compact
  def __call__(self, x: Array) -> Array:
    small = nn.initializers.constant(1e-5)
    return x * param(self, 'bias', small, x.shape[-1:]).astype(x.dtype)


class MaxPool(nn.Module):
  """`arch.MaxPool`."""

  spec: arch.MaxPool
  options: Options = Options()

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    del train
    spec = self.spec
    rule = self.options.padding if spec.padding is None else spec.padding
    rows, cols = (
      arch.axis(
        x.shape[i],
        spec.kernel,
        spec.stride,
        rule,
        spec.dilation,
        ceil=spec.ceil,
      )
      for i in (1, 2)
    )
    return max_pool(x, rows, cols)


class Dense(nn.Module):
  """`arch.Dense` on [N, C]."""

  spec: arch.Dense
  options: Options = Options()

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    spec = self.spec
    x = nn.Dense(
      spec.channels,
      use_bias=spec.bias and not spec.norm,
      kernel_init=logits_init if spec.activation == 'linear' else kernel_init,
      dtype=self.options.dtype,
      name='dense',
    )(x)
    if spec.norm:
      return self.options.norm(spec.activation)(x, train=train)
    return ACTIVATIONS[spec.activation](x)


class Pool(nn.Module):
  """`arch.Pool`: [N, H, W, C] to [N, C]."""

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    del train
    return x.mean((1, 2))


class Flatten(nn.Module):
  """`arch.Flatten`: [N, H, W, C] to [N, size * size * C]."""

  size: int

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    del train
    return adaptive_mean(x, self.size).reshape(x.shape[0], -1)
