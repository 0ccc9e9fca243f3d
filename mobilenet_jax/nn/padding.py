"""SAME padding and the windows of a padded image, by hand."""

import jax.numpy as jnp
from jax import Array


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int, int]:
  """Output size and the zeros before and after, along one axis."""
  out = -(-size // stride)
  total = max((out - 1) * stride + kernel - size, 0)
  return out, total // 2, total - total // 2


def pad_same(x: Array, kernel: int, stride: int) -> tuple[Array, int, int]:
  """Returns (padded [N, H', W', C], output rows, output columns)."""
  rows, *pad_h = same_padding(x.shape[1], kernel, stride)
  cols, *pad_w = same_padding(x.shape[2], kernel, stride)
  pads = ((0, 0), tuple(pad_h), tuple(pad_w), (0, 0))
  return jnp.pad(x, pads), rows, cols


def tap(
  x: Array, i: int, j: int, rows: int, cols: int, stride: int = 1
) -> Array:
  """The [N, rows, cols, C] window of a padded x that starts at (i, j)."""
  i_end, j_end = i + stride * (rows - 1) + 1, j + stride * (cols - 1) + 1
  return x[:, i:i_end:stride, j:j_end:stride]
