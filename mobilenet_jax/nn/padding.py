"""The windows of a padded image, by hand."""

import jax.numpy as jnp
from jax import Array, lax

from mobilenet_jax.arch import Axis


def pad(x: Array, rows: Axis, cols: Axis, value: float = 0.0) -> Array:
  """Puts the padding of both axes around [N, H, W, C]."""
  edges = [(a.before, a.after, 0) for a in (rows, cols)]
  fill = jnp.asarray(value, x.dtype)
  return lax.pad(x, fill, [(0, 0, 0), *edges, (0, 0, 0)])


def tap(x: Array, i: int, j: int, rows: Axis, cols: Axis) -> Array:
  """What the tap (i, j) sees of a padded x: [N, rows.out, cols.out, C]."""
  i, j = i * rows.dilation, j * cols.dilation
  i_end = i + rows.stride * (rows.out - 1) + 1
  j_end = j + cols.stride * (cols.out - 1) + 1
  return x[:, i : i_end : rows.stride, j : j_end : cols.stride]
