"""Layers whose widths and kernels are masks over the largest ones.

Batch norm uses the statistics of the batch, always: moving averages would mix
those of different networks (TuNAS, arXiv 2008.06120). Scopes and layouts are
those of `nn`.
"""

from dataclasses import dataclass
from typing import Any

import flax.linen as nn
from jax import Array

from mobilenet_jax.arch import ArchSpec, Conv, Dense, OneOf
from mobilenet_jax.nn.activations import ACTIVATIONS, GATES
from mobilenet_jax.nn.blocks import (
  ConvKernel,
  Options,
  kernel_init,
  logits_init,
)
from mobilenet_jax.nn.norm import normalize_and_activate
from mobilenet_jax.nn.param import param
from mobilenet_jax.supernet.elastic import Form, elastic_conv
from mobilenet_jax.supernet.masks import (
  Soft,
  channel_mask,
  live_channels,
  most,
)


@dataclass(frozen=True)
class BatchOptions(Options):
  """Options of blocks whose batch norm has no moving averages."""

  @classmethod
  def of(cls, spec: ArchSpec, options: Options) -> 'BatchOptions':
    """Those of a space's blocks."""
    return cls(
      norm_epsilon=spec.norm_epsilon,
      impl=options.impl,
      dtype=options.dtype,
      padding=spec.padding,
    )

  def norm(self, activation: str = 'linear', name: str = 'norm') -> Any:
    return FixedNorm(self, activation, name=name)


class FixedNorm(nn.Module):
  """The same as `BatchNorm` where nothing is open, called as
  `nn.norm.BatchNorm` is."""

  options: Options
  activation: str

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    del train
    scale = param(self, 'scale', nn.initializers.ones, x.shape[-1:])
    bias = param(self, 'bias', nn.initializers.zeros, x.shape[-1:])
    epsilon, impl = self.options.norm_epsilon, self.options.impl
    y, *_ = normalize_and_activate(
      x, scale, bias, epsilon, self.activation, impl
    )
    return y


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
      y = activate(activation, y, soft)
      return y if mask is None else y * mask
    live = live_channels(mask, mask, x.shape[-1], x.shape[-1])
    y, *_ = normalize_and_activate(x, scale, bias, *shared, mask, live)
    return y


class SuperConv(nn.Module):
  """Convolution with a searched kernel, batch norm, activation, mask over the
  output channels.

  `inputs` is the mask that the input has; `mask` that of the output, None is
  that of the channels.
  """

  spec: Conv
  options: Options

  @nn.compact
  def __call__(
    self,
    x: Array,
    soft: Soft,
    inputs: Array | None,
    mask: Array | None = None,
  ) -> Array:
    spec, options = self.spec, self.options
    if mask is None:
      mask = channel_mask(spec.channels, soft)
    channels = most(spec.channels)
    kernel = Kernel(most(spec.kernel), x.shape[-1], name='conv')(channels)
    form = Form(
      False,
      spec.stride,
      options.impl,
      options.padding if spec.padding is None else spec.padding,
      spec.dilation,
    )
    live = live_channels(inputs, mask, x.shape[-1], channels)
    x = elastic_conv(x, kernel.astype(x.dtype), spec.kernel, soft, live, form)
    return BatchNorm(options, name='norm')(x, spec.activation, soft, mask)


class SuperDepthwise(nn.Module):
  """Depthwise convolution with a searched kernel, batch norm, activation.

  Attributes:
    kernel: its choices; 0 among them is left to the caller.
    stride, dilation, activation: of the block; the activation may be open.
  """

  kernel: int | OneOf
  stride: int
  activation: str | OneOf
  options: Options
  dilation: int = 1

  @nn.compact
  def __call__(self, x: Array, soft: Soft, mask: Array | None) -> Array:
    options, channels = self.options, x.shape[-1]
    kernel = Kernel(most(self.kernel), 1, name='conv')(channels)
    form = Form(True, self.stride, options.impl, options.padding, self.dilation)
    live = live_channels(mask, mask, channels, channels)
    x = elastic_conv(x, kernel.astype(x.dtype), self.kernel, soft, live, form)
    return BatchNorm(options, name='norm')(x, self.activation, soft, mask)


class Kernel(nn.Module):
  """The kernel [k, k, inputs, C] alone, in the scope a network has it in."""

  kernel: int
  inputs: int

  @nn.compact
  def __call__(self, channels: int) -> Array:
    shape = (self.kernel, self.kernel, self.inputs, channels)
    return param(self, 'kernel', kernel_init, shape)


class SuperDense(nn.Module):
  """`nn.blocks.Dense` with searched channels: a mask over the output."""

  spec: Dense
  options: Options

  @nn.compact
  def __call__(self, x: Array, soft: Soft, inputs: Array | None) -> Array:
    del inputs  # what it masks is zeros
    spec, options = self.spec, self.options
    mask = channel_mask(spec.channels, soft)
    x = nn.Dense(
      most(spec.channels),
      use_bias=spec.bias and not spec.norm,
      kernel_init=logits_init if spec.activation == 'linear' else kernel_init,
      dtype=options.dtype,
      name='dense',
    )(x)
    if spec.norm:
      return BatchNorm(options, name='norm')(x, spec.activation, soft, mask)
    x = ACTIVATIONS[spec.activation](x)
    return x if mask is None else x * mask


class SuperSqueezeExcite(nn.Module):
  """Channel gates with masked inner channels; returns the gates.

  Attributes:
    channels: inside, at most.
    activation: inside; it may be open.
    gate: one of `nn.activations.GATES`.
  """

  channels: int
  activation: str | OneOf
  gate: str
  options: Options

  @nn.compact
  def __call__(self, x: Array, mask: Array, soft: Soft) -> Array:
    shared = {'use_bias': True, 'impl': self.options.impl}
    pooled = x.mean((1, 2), keepdims=True)  # [N, 1, 1, C]
    reduce = ConvKernel(self.channels, name='reduce', **shared)
    expand = ConvKernel(x.shape[-1], name='expand', **shared)
    inner = activate(self.activation, reduce(pooled), soft)
    return GATES[self.gate](expand(inner * mask))


def activate(value: str | OneOf, x: Array, soft: Soft) -> Array:
  """The activation, the chosen one, or the average of several."""
  if not isinstance(value, OneOf):
    return ACTIVATIONS[value](x)
  weights = soft[value.tag]
  parts = [
    w * ACTIVATIONS[f](x) for f, w in zip(value.choices, weights, strict=True)
  ]
  return sum(parts[1:], start=parts[0])
