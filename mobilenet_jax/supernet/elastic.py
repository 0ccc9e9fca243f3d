"""Depthwise convolution with a searched kernel size.

Small kernels are the centres of the largest one. Only the smallest choice
that holds all of the mask is computed, forward and backward.
"""

import functools

import jax
import jax.numpy as jnp
from jax import Array, lax

from mobilenet_jax.arch import InvertedResidual, OneOf
from mobilenet_jax.nn.conv import Impl
from mobilenet_jax.nn.depthwise import depthwise_conv
from mobilenet_jax.supernet.masks import Soft, kernel_mask


def elastic_depthwise(
  x: Array, kernel: Array, spec: InvertedResidual, soft: Soft, impl: Impl
) -> Array:
  """Convolves with the chosen centre of the largest kernel.

  Args:
    x: [N, H, W, C].
    kernel: [k, k, 1, C] of the largest choice.
    spec: its kernel may be open; its stride is not.
    soft: weights over the choices, by tag.
    impl: see `nn.conv`.
  """
  if not isinstance(spec.kernel, OneOf):
    return depthwise_conv(x, kernel, spec.stride, impl)
  sizes = tuple(sorted(spec.kernel.choices))
  rank = jnp.asarray([sizes.index(k) for k in spec.kernel.choices])
  needed = jnp.max(jnp.where(soft[spec.kernel.tag] > 0, rank, 0))
  masked = kernel * kernel_mask(spec.kernel, soft)
  return _centre_conv(x, masked, needed, sizes, spec.stride, impl)


# The gradient is written so that it branches, too: that of `lax.switch` alone
# keeps the inputs of every branch, filled with zeros where it was not taken.
@functools.partial(jax.custom_vjp, nondiff_argnums=(3, 4, 5))
def _centre_conv(
  x: Array,
  kernel: Array,
  index: Array,
  sizes: tuple[int, ...],
  stride: int,
  impl: Impl,
) -> Array:
  convs = [_conv_of(size, sizes[-1], stride, impl) for size in sizes]
  return lax.switch(index, convs, x, kernel)


def _forward(
  x: Array,
  kernel: Array,
  index: Array,
  sizes: tuple[int, ...],
  stride: int,
  impl: Impl,
):
  return _centre_conv(x, kernel, index, sizes, stride, impl), (x, kernel, index)


def _backward(sizes: tuple[int, ...], stride: int, impl: Impl, saved, dy):
  x, kernel, index = saved

  def gradient_of(size: int):
    conv = _conv_of(size, sizes[-1], stride, impl)
    return lambda x, kernel, dy: jax.vjp(conv, x, kernel)[1](dy)

  branches = [gradient_of(size) for size in sizes]
  return (*lax.switch(index, branches, x, kernel, dy), None)


_centre_conv.defvjp(_forward, _backward)


def _conv_of(size: int, largest: int, stride: int, impl: Impl):
  edge = (largest - size) // 2
  inner = slice(edge, edge + size)
  return lambda x, k: depthwise_conv(x, k[inner, inner], stride, impl)
