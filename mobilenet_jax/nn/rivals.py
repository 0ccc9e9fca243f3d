"""Linen modules of `arch.rivals`."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from mobilenet_jax import arch
from mobilenet_jax.nn.activations import ACTIVATIONS
from mobilenet_jax.nn.blocks import ConvNorm, DepthwiseNorm, Options
from mobilenet_jax.nn.pool import max_pool, mean_pool


def channel_shuffle(x: Array, groups: int) -> Array:
  """Deals the channels of every group to all groups (arXiv 1707.01083, 3.1)."""
  n, h, w, c = x.shape
  return x.reshape(n, h, w, groups, c // groups).swapaxes(3, 4).reshape(x.shape)


class Fire(nn.Module):
  """`arch.Fire`."""

  spec: arch.Fire
  options: Options = Options()

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    spec, half = self.spec, self.spec.channels // 2
    shared = {
      'activation': spec.activation,
      'options': self.options,
      'norm': False,
    }
    thin = ConvNorm(spec.squeezed, name='squeeze', **shared)(x, train=train)
    ones = ConvNorm(half, name='expand_1x1', **shared)
    threes = ConvNorm(
      half, 3, dilation=spec.dilation, name='expand_3x3', **shared
    )
    y = jnp.concatenate(
      [ones(thin, train=train), threes(thin, train=train)], -1
    )
    return y + x if spec.residual and x.shape == y.shape else y


class ShuffleUnit(nn.Module):
  """`arch.ShuffleUnit`."""

  spec: arch.ShuffleUnit
  options: Options = Options()

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    spec, options = self.spec, self.options
    act = ACTIVATIONS[spec.activation]
    y = ConvNorm(
      spec.channels // 4,
      activation=spec.activation,
      options=options,
      groups=spec.groups if spec.group_first else 1,
      name='compress',
    )(x, train=train)
    y = channel_shuffle(y, spec.groups)
    y = DepthwiseNorm(
      spec.kernel,
      spec.stride,
      'linear',
      options,
      spec.dilation,
      name='depthwise',
    )(y, train=train)
    y = ConvNorm(
      spec.branch(x.shape[-1]),
      options=options,
      groups=spec.groups,
      name='expand',
    )(y, train=train)
    if not spec.down:
      return act(x + y)
    rows, cols = (
      arch.axis(x.shape[i], 3, spec.stride, options.padding, spec.dilation)
      for i in (1, 2)
    )
    return jnp.concatenate([mean_pool(x, rows, cols), act(y)], -1)


class SplitShuffleUnit(nn.Module):
  """`arch.SplitShuffleUnit`."""

  spec: arch.SplitShuffleUnit
  options: Options = Options()

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    spec = self.spec
    if spec.down:
      left = self._depthwise(x, 'shortcut_depthwise', train)
      left = self._pointwise(left, 'shortcut_project', train)
      right = x
    else:
      left, right = jnp.split(x, 2, -1)
    right = self._pointwise(right, 'expand', train)
    right = self._depthwise(right, 'depthwise', train)
    right = self._pointwise(right, 'project', train)
    return channel_shuffle(jnp.concatenate([left, right], -1), 2)

  def _depthwise(self, x: Array, name: str, train: bool) -> Array:
    spec = self.spec
    return DepthwiseNorm(
      spec.kernel,
      spec.stride,
      'linear',
      self.options,
      spec.dilation,
      name=name,
    )(x, train=train)

  def _pointwise(self, x: Array, name: str, train: bool) -> Array:
    spec = self.spec
    return ConvNorm(
      spec.channels // 2,
      activation=spec.activation,
      options=self.options,
      name=name,
    )(x, train=train)


class Inception(nn.Module):
  """`arch.Inception`."""

  spec: arch.Inception
  options: Options = Options()

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    spec = self.spec

    def conv(x: Array, name: str, kernel: int = 1) -> Array:
      module = ConvNorm(
        getattr(spec, name),
        kernel,
        activation=spec.activation,
        options=self.options,
        dilation=spec.dilation if kernel > 1 else 1,
        name=name,
      )
      return module(x, train=train)

    rows, cols = (
      arch.axis(x.shape[i], 3, 1, 'same', spec.dilation) for i in (1, 2)
    )
    branches = [
      conv(x, 'ones'),
      conv(conv(x, 'reduce_3x3'), 'threes', 3),
      conv(conv(x, 'reduce_5x5'), 'fives', 3),
      conv(max_pool(x, rows, cols), 'pooled'),
    ]
    return jnp.concatenate(branches, -1)


class Bottleneck(nn.Module):
  """`arch.Bottleneck`."""

  spec: arch.Bottleneck
  options: Options = Options()

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    spec, options = self.spec, self.options
    thin, act = spec.channels // 4, spec.activation
    y = ConvNorm(thin, 1, 1, act, options, name='reduce')(x, train=train)
    y = ConvNorm(
      thin,
      spec.kernel,
      spec.stride,
      act,
      options,
      dilation=spec.dilation,
      name='conv',
    )(y, train=train)
    y = ConvNorm(spec.channels, options=options, name='expand')(y, train=train)
    if spec.project:
      x = ConvNorm(
        spec.channels, 1, spec.stride, options=options, name='shortcut'
      )(x, train=train)
    return ACTIVATIONS[act](x + y)
