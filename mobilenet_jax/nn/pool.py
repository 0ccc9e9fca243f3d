"""Pooling over the windows of an image."""

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from mobilenet_jax.arch import Axis
from mobilenet_jax.nn.padding import pad


def max_pool(x: Array, rows: Axis, cols: Axis) -> Array:
  """The largest value under every window of [N, H, W, C]."""
  low = float(jnp.finfo(x.dtype).min)
  return lax.reduce_window(
    pad(x, rows, cols, low),
    np.asarray(-np.inf, x.dtype),  # known, so that it has a gradient
    lax.max,
    (1, rows.taps, cols.taps, 1),
    (1, rows.stride, cols.stride, 1),
    'VALID',
    window_dilation=(1, rows.dilation, cols.dilation, 1),
  )


def mean_pool(x: Array, rows: Axis, cols: Axis) -> Array:
  """The mean under every window, zeros of the padding counted."""
  total = lax.reduce_window(
    pad(x, rows, cols),
    np.zeros((), x.dtype),
    lax.add,
    (1, rows.taps, cols.taps, 1),
    (1, rows.stride, cols.stride, 1),
    'VALID',
    window_dilation=(1, rows.dilation, cols.dilation, 1),
  )
  return total / (rows.taps * cols.taps)


def adaptive_mean(x: Array, size: int) -> Array:
  """[N, H, W, C] to [N, size, size, C] by means over near-equal windows,
  which overlap where `size` does not divide the side (as in PyTorch)."""
  for i in (1, 2):
    length = x.shape[i]
    if length != size:
      parts = [
        lax.slice_in_dim(
          x, j * length // size, -(-(j + 1) * length // size), axis=i
        ).mean(i, keepdims=True)
        for j in range(size)
      ]
      x = jnp.concatenate(parts, i)
  return x
