"""Convolution with a searched kernel size.

Small kernels are the centres of the largest one. Only the smallest choice
that holds all of the mask is computed, forward and backward.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from mobilenet_jax.arch import OneOf, Padding
from mobilenet_jax.nn.conv import Impl, conv
from mobilenet_jax.nn.depthwise import depthwise_conv
from mobilenet_jax.supernet.masks import Soft, kernel_mask


class Form(NamedTuple):
  """How a convolution is done, whatever its kernel; see `nn.conv`."""

  depthwise: bool
  stride: int
  impl: Impl
  padding: Padding
  dilation: int

  def conv(self, x: Array, kernel: Array, live: Array | None) -> Array:
    """Convolves [N, H, W, C] with [k, k, C, D], or [k, k, 1, C]."""
    convolve = depthwise_conv if self.depthwise else conv
    return convolve(
      x,
      kernel,
      self.stride,
      self.impl,
      padding=self.padding,
      dilation=self.dilation,
      live=live,
    )


def elastic_conv(
  x: Array,
  kernel: Array,
  size: int | OneOf,
  soft: Soft,
  live: Array | None,
  form: Form,
) -> Array:
  """Convolves with the chosen centre of the largest kernel.

  Args:
    x: [N, H, W, C].
    kernel: [k, k, C, D] of the largest choice; [k, k, 1, C] of a depthwise one.
    size: of the kernel; 0, where it is a choice, counts for nothing.
    soft: weights over the choices, by tag.
    live: see `nn.conv`.
  """
  if not isinstance(size, OneOf):
    return form.conv(x, kernel, live)
  sizes = tuple(sorted({k for k in size.choices if k}))
  rank = jnp.asarray([sizes.index(k) if k else 0 for k in size.choices])
  needed = jnp.max(jnp.where(soft[size.tag] > 0, rank, 0))
  masked = kernel * kernel_mask(size, soft)
  return _centre_conv(x, masked, needed, live, sizes, form)


# The gradient is written so that it branches, too: that of `lax.switch` alone
# keeps the inputs of every branch, filled with zeros where it was not taken.
@functools.partial(jax.custom_vjp, nondiff_argnums=(4, 5))
def _centre_conv(
  x: Array,
  kernel: Array,
  index: Array,
  live: Array | None,
  sizes: tuple[int, ...],
  form: Form,
) -> Array:
  convs = [_conv_of(size, sizes[-1], form) for size in sizes]
  return lax.switch(index, convs, x, kernel, live)


def _forward(
  x: Array,
  kernel: Array,
  index: Array,
  live: Array | None,
  sizes: tuple[int, ...],
  form: Form,
):
  y = _centre_conv(x, kernel, index, live, sizes, form)
  return y, (x, kernel, index, live)


def _backward(sizes: tuple[int, ...], form: Form, saved, dy):
  x, kernel, index, live = saved

  def gradient_of(size: int):
    centre = _conv_of(size, sizes[-1], form)

    def gradient(x: Array, kernel: Array, live: Array | None, dy: Array):
      convolve = lambda x, kernel: centre(x, kernel, live)
      return jax.vjp(convolve, x, kernel)[1](dy)

    return gradient

  branches = [gradient_of(size) for size in sizes]
  return (*lax.switch(index, branches, x, kernel, live, dy), None, None)


_centre_conv.defvjp(_forward, _backward)


def _conv_of(size: int, largest: int, form: Form):
  edge = (largest - size) // 2
  inner = slice(edge, edge + size)
  return lambda x, k, live: form.conv(x, k[inner, inner], live)
