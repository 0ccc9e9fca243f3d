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
  x: Array,
  kernel: Array,
  spec: InvertedResidual,
  soft: Soft,
  impl: Impl,
  live: Array | None = None,
) -> Array:
  """Convolves with the chosen centre of the largest kernel.

  Args:
    x: [N, H, W, C].
    kernel: [k, k, 1, C] of the largest choice.
    spec: its kernel may be open; its stride is not.
    soft: weights over the choices, by tag.
    impl, live: see `nn.conv`.
  """
  if not isinstance(spec.kernel, OneOf):
    return depthwise_conv(x, kernel, spec.stride, impl, live=live)
  sizes = tuple(sorted(spec.kernel.choices))
  rank = jnp.asarray([sizes.index(k) for k in spec.kernel.choices])
  needed = jnp.max(jnp.where(soft[spec.kernel.tag] > 0, rank, 0))
  masked = kernel * kernel_mask(spec.kernel, soft)
  return _centre_conv(x, masked, needed, live, sizes, spec.stride, impl)


# The gradient is written so that it branches, too: that of `lax.switch` alone
# keeps the inputs of every branch, filled with zeros where it was not taken.
@functools.partial(jax.custom_vjp, nondiff_argnums=(4, 5, 6))
def _centre_conv(
  x: Array,
  kernel: Array,
  index: Array,
  live: Array | None,
  sizes: tuple[int, ...],
  stride: int,
  impl: Impl,
) -> Array:
  convs = [_conv_of(size, sizes[-1], stride, impl) for size in sizes]
  return lax.switch(index, convs, x, kernel, live)


def _forward(
  x: Array,
  kernel: Array,
  index: Array,
  live: Array | None,
  sizes: tuple[int, ...],
  stride: int,
  impl: Impl,
):
  y = _centre_conv(x, kernel, index, live, sizes, stride, impl)
  return y, (x, kernel, index, live)


def _backward(sizes: tuple[int, ...], stride: int, impl: Impl, saved, dy):
  x, kernel, index, live = saved

  def gradient_of(size: int):
    conv = _conv_of(size, sizes[-1], stride, impl)

    def gradient(x: Array, kernel: Array, live: Array | None, dy: Array):
      return jax.vjp(lambda x, kernel: conv(x, kernel, live), x, kernel)[1](dy)

    return gradient

  branches = [gradient_of(size) for size in sizes]
  return (*lax.switch(index, branches, x, kernel, live, dy), None, None)


_centre_conv.defvjp(_forward, _backward)


def _conv_of(size: int, largest: int, stride: int, impl: Impl):
  edge = (largest - size) // 2
  inner = slice(edge, edge + size)
  return lambda x, k, live: depthwise_conv(
    x, k[inner, inner], stride, impl, live=live
  )
