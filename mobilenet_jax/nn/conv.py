"""Dense convolution: a matrix product on CPU, a convolution elsewhere.

XLA on CPU computes the weight gradient of a convolution as a convolution with
a window as large as the image, many times slower than the same sums as a
matrix product. A larger kernel is unfolded into its taps first.
"""

from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array, lax

from mobilenet_jax.arch import Axis, Padding, axis
from mobilenet_jax.nn.padding import pad, tap

Impl = Literal['auto', 'portable', 'cpu', 'native']


def conv(
  x: Array,
  kernel: Array,
  stride: int = 1,
  impl: Impl = 'auto',
  *,
  padding: Padding = 'same',
  dilation: int = 1,
  groups: int = 1,
) -> Array:
  """Convolves [N, H, W, C] with [k, k, C / groups, D].

  Args:
    impl: 'cpu' is the matrix product, 'portable' XLA's convolution (the one
      to export), 'auto' the faster on this platform.
    padding: see `arch.axis`.

  Returns:
    [N, H', W', D]; with SAME padding H' is ceil(H / stride).
  """
  rows, cols = window(x, kernel, stride, padding, dilation)
  if not for_cpu(impl):
    return grouped_conv(x, kernel, rows, cols, groups)
  rows, live_rows = rows.live()
  cols, live_cols = cols.live()
  kernel = kernel[live_rows, live_cols]
  padded = pad(x, rows, cols)
  taps = [
    tap(padded, i, j, rows, cols)
    for i in range(rows.taps)
    for j in range(cols.taps)
  ]
  return _product(taps, kernel, groups)


def _product(taps: list[Array], kernel: Array, groups: int) -> Array:
  """Every tap's [N, H, W, C] times its part of the kernel, summed."""
  features = kernel.shape[-1]
  if groups == 1:
    return jnp.concatenate(taps, -1) @ kernel.reshape(-1, features)
  n, h, w, c = taps[0].shape
  split = [t.reshape(n, h, w, groups, c // groups) for t in taps]
  flat = kernel.reshape(-1, groups, features // groups)
  y = jnp.einsum('nhwgc,cgd->nhwgd', jnp.concatenate(split, -1), flat)
  return y.reshape(n, h, w, features)


def window(
  x: Array, kernel: Array, stride: int, padding: Padding, dilation: int
) -> tuple[Axis, Axis]:
  """The ways of a kernel over [N, H, W, C], down and across."""
  down, across = (
    axis(x.shape[1 + i], kernel.shape[i], stride, padding, dilation)
    for i in range(2)
  )
  return down, across


def grouped_conv(
  x: Array, kernel: Array, rows: Axis, cols: Axis, groups: int
) -> Array:
  """XLA's convolution."""
  return lax.conv_general_dilated(
    x,
    kernel,
    (rows.stride, cols.stride),
    ((rows.before, rows.after), (cols.before, cols.after)),
    rhs_dilation=(rows.dilation, cols.dilation),
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
    feature_group_count=groups,
  )


def for_cpu(impl: Impl) -> bool:
  """Whether a form for CPU is meant."""
  if impl == 'auto':
    return jax.default_backend() == 'cpu'
  return impl != 'portable'
