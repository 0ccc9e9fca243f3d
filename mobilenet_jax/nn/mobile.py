"""Linen modules of the MobileNets' blocks, `arch.mobile`."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from mobilenet_jax import arch
from mobilenet_jax.nn.blocks import (
  ConvKernel,
  ConvNorm,
  DepthwiseNorm,
  LayerScale,
  Options,
  SqueezeExcite,
)


class DepthwiseSeparable(nn.Module):
  """`arch.DepthwiseSeparable`."""

  spec: arch.DepthwiseSeparable
  options: Options = Options()

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    spec, options = self.spec, self.options
    x = depthwise(spec, spec.kernel, options, 'depthwise')(x, train=train)
    return ConvNorm(
      spec.channels, 1, 1, spec.activation, options, name='project'
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
      x = ConvNorm(wide, 1, 1, spec.activation, options, name='expand')(
        x, train=train
      )
    x = depthwise(spec, spec.kernel, options, 'depthwise')(x, train=train)
    if thin:
      x = gated(x, spec, thin, options)
    x = ConvNorm(spec.channels, options=options, name='project')(x, train=train)
    if not arch.has_shortcut(spec, cin):
      return x
    return drop_path(self, x, options.drop_path, train) + shortcut


class SqueezeExciteBlock(nn.Module):
  """`arch.SqueezeExcite`."""

  spec: arch.SqueezeExcite
  options: Options = Options()

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    del train
    return gated(x, self.spec, self.spec.squeezed, self.options)


class FusedInvertedResidual(nn.Module):
  """`arch.FusedInvertedResidual`."""

  spec: arch.FusedInvertedResidual
  options: Options = Options()

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    spec, options, cin = self.spec, self.options, x.shape[-1]
    shortcut = x
    x = ConvNorm(
      arch.expanded_channels(spec, cin),
      spec.kernel,
      spec.stride,
      spec.activation,
      options,
      dilation=spec.dilation,
      name='expand',
    )(x, train=train)
    x = ConvNorm(spec.channels, options=options, name='project')(x, train=train)
    if not arch.has_shortcut(spec, cin):
      return x
    return drop_path(self, x, options.drop_path, train) + shortcut


class UniversalBottleneck(nn.Module):
  """`arch.UniversalBottleneck`."""

  spec: arch.UniversalBottleneck
  options: Options = Options()

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    spec, options, cin = self.spec, self.options, x.shape[-1]
    wide = arch.expanded_channels(spec, cin)
    shortcut = x
    if spec.start_kernel:
      stride = 1 if spec.kernel else spec.stride
      x = DepthwiseNorm(
        spec.start_kernel,
        stride,
        'linear',
        options,
        spec.dilation,
        name='start',
      )(x, train=train)
    x = ConvNorm(wide, 1, 1, spec.activation, options, name='expand')(
      x, train=train
    )
    if spec.kernel:
      x = depthwise(spec, spec.kernel, options, 'depthwise')(x, train=train)
    x = ConvNorm(spec.channels, options=options, name='project')(x, train=train)
    if spec.layer_scale:
      x = LayerScale(name='layer_scale')(x)
    if not arch.has_shortcut(spec, cin):
      return x
    return drop_path(self, x, options.drop_path, train) + shortcut


class MobileAttention(nn.Module):
  """`arch.MobileAttention`."""

  spec: arch.MobileAttention
  options: Options = Options()

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    spec, options, cin = self.spec, self.options, x.shape[-1]
    n, h, w, _ = x.shape
    shortcut = x
    x = options.norm()(x, train=train)
    query = self._project(x, spec.heads * spec.key_dim, 'query')
    query = query.reshape(n, h * w, spec.heads, spec.key_dim)
    key, value = (self._small(x, name, train) for name in ('key', 'value'))
    scores = jnp.einsum('nqhd,nkd->nhqk', query, key) * spec.key_dim**-0.5
    mixed = jnp.einsum('nhqk,nkd->nqhd', jax.nn.softmax(scores), value)
    x = self._project(mixed.reshape(n, h, w, -1), spec.channels, 'output')
    if spec.layer_scale:
      x = LayerScale(name='layer_scale')(x)
    if not arch.has_shortcut(spec, cin):
      return x
    return drop_path(self, x, options.drop_path, train) + shortcut

  def _small(self, x: Array, name: str, train: bool) -> Array:
    """Keys or values: [N, pixels, key_dim]."""
    spec = self.spec
    if spec.kv_stride > 1:
      x = DepthwiseNorm(
        spec.kernel, spec.kv_stride, 'linear', self.options, name=f'{name}_down'
      )(x, train=train)
    x = self._project(x, spec.key_dim, f'{name}_project')
    return x.reshape(x.shape[0], -1, spec.key_dim)

  def _project(self, x: Array, channels: int, name: str) -> Array:
    return ConvKernel(channels, impl=self.options.impl, name=name)(x)


def drop_path(module: nn.Module, x: Array, rate: float, train: bool) -> Array:
  """Stochastic depth (arXiv 1603.09382): in training, leaves x out for some
  images and scales it up for the others, so that its mean stays.

  Args:
    module: whose rng stream 'drop_path' is drawn from.
    x: [N, H, W, C], what a block adds to its shortcut.
    rate: how likely an image goes without.
    train: whether to drop at all.
  """
  if not train or not rate:
    return x
  shape = (x.shape[0], 1, 1, 1)
  kept = jax.random.bernoulli(module.make_rng('drop_path'), 1 - rate, shape)
  return jnp.where(kept, x / (1 - rate), 0).astype(x.dtype)


def depthwise(
  spec: arch.DepthwiseSeparable
  | arch.InvertedResidual
  | arch.UniversalBottleneck,
  kernel: int,
  options: Options,
  name: str,
) -> DepthwiseNorm:
  """The depthwise convolution that has a block's stride and activation."""
  return DepthwiseNorm(
    kernel, spec.stride, spec.activation, options, spec.dilation, name=name
  )


def gated(
  x: Array,
  spec: arch.InvertedResidual | arch.SqueezeExcite,
  squeezed: int,
  options: Options,
) -> Array:
  """Squeeze-and-excite as a block asks for it."""
  # the sigmoid's users (MnasNet, EfficientNet) squeeze with the block's own
  inner = spec.activation if spec.gate == 'sigmoid' else 'relu'
  return SqueezeExcite(
    squeezed, options, inner, spec.gate, name='squeeze_excite'
  )(x)
