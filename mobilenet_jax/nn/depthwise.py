"""Depthwise convolution: grouped where that is fast, shifted on CPU.

XLA on CPU runs a convolution with as many groups as channels 10 to 70 times
slower than the sum of k*k shifted products below, and its gradient likewise.
The two forms take the same parameters and give the same results; the shifted
one is chosen by platform and never exported (it would become k*k multiplies).
"""

import functools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array, lax

from mobilenet_jax.nn.conv import Impl, for_cpu
from mobilenet_jax.nn.padding import pad_same, same_padding, tap

IMAGES_AT_A_TIME = 4


def depthwise_conv(
  x: Array, kernel: Array, stride: int = 1, impl: Impl = 'auto'
) -> Array:
  """Convolves every channel with its own filter, SAME padding.

  Args:
    x: [N, H, W, C].
    kernel: [k, k, 1, C], as Flax keeps depthwise kernels.
    stride: of both axes.
    impl: 'cpu' is the shifted form, 'portable' the grouped one (the one to
      export), 'auto' the faster on this platform.

  Returns:
    [N, ceil(H / stride), ceil(W / stride), C].
  """
  if for_cpu(impl):
    return _shifted(x, kernel[:, :, 0], stride)
  return lax.conv_general_dilated(
    x,
    kernel,
    (stride, stride),
    'SAME',
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
    feature_group_count=x.shape[-1],
  )


def _correlate(
  x: Array, kernel: Array, rows: int, cols: int, stride: int = 1
) -> Array:
  """Sum of shifted products of a padded x with a [k_h, k_w, C] kernel."""
  total = jnp.zeros((), x.dtype)
  for i in range(kernel.shape[0]):
    for j in range(kernel.shape[1]):
      total = total + tap(x, i, j, rows, cols, stride) * kernel[i, j]
  return total


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _shifted(x: Array, kernel: Array, stride: int) -> Array:
  padded, rows, cols = pad_same(x, kernel.shape[0], stride)
  return _correlate(padded, kernel, rows, cols, stride)


def _shifted_fwd(
  x: Array, kernel: Array, stride: int
) -> tuple[Array, tuple[Array, Array]]:
  return _shifted(x, kernel, stride), (x, kernel)


def _shifted_bwd(
  stride: int, saved: tuple[Array, Array], dy: Array
) -> tuple[Array, Array]:
  x, kernel = saved
  return (
    _input_gradient(dy, kernel, stride, x.shape),
    _kernel_gradient(x, dy, kernel.shape[0], stride),
  )


_shifted.defvjp(_shifted_fwd, _shifted_bwd)


def _input_gradient(
  dy: Array, kernel: Array, stride: int, shape: tuple[int, ...]
) -> Array:
  """Gradient to x. Each phase of a strided grid has its own few taps, so that
  nothing is computed on the zeros between the strides."""
  size = kernel.shape[0]
  _, height, width, _ = shape
  _, top, _ = same_padding(height, size, stride)
  _, left, _ = same_padding(width, size, stride)
  rows, cols = -(-(top + height) // stride), -(-(left + width) // stride)
  phases = []
  for i in range(stride):
    for j in range(stride):
      taps = kernel[i::stride, j::stride][::-1, ::-1]
      phases.append(_correlate_full(dy, taps, rows, cols))
  if stride == 1:
    full = phases[0]
  else:
    n, c = shape[0], shape[-1]
    grid = jnp.stack(phases, 3).reshape(n, rows, cols, stride, stride, c)
    full = grid.transpose(0, 1, 3, 2, 4, 5).reshape(
      n, rows * stride, cols * stride, c
    )
  return full[:, top : top + height, left : left + width]


def _correlate_full(dy: Array, taps: Array, rows: int, cols: int) -> Array:
  """Full correlation of dy, cut or zero-filled to rows x cols."""
  t_h, t_w, c = taps.shape
  if not t_h * t_w:  # a stride wider than the kernel skips this phase
    return jnp.zeros((dy.shape[0], rows, cols, c), dy.dtype)
  pads = ((t_h - 1, rows - dy.shape[1]), (t_w - 1, cols - dy.shape[2]))
  low = [(0, 0, 0), *((a, b, 0) for a, b in pads), (0, 0, 0)]
  padded = lax.pad(dy, jnp.zeros((), dy.dtype), low)
  return _correlate(padded, taps, rows, cols)


def _kernel_gradient(x: Array, dy: Array, size: int, stride: int) -> Array:
  """Gradient to the [k, k, C] kernel.

  A few images at a time, so that they stay in cache, and one reduction with
  an accumulator a tap, so that each is read once and no product is stored.
  """
  padded, rows, cols = pad_same(x, size, stride)
  images = math.gcd(x.shape[0], IMAGES_AT_A_TIME)
  groups = x.shape[0] // images

  def add_group(total: Array, pair: tuple[Array, ...]) -> tuple[Array, None]:
    group, grad = pair
    products = tuple(
      tap(group, i, j, rows, cols, stride) * grad
      for i in range(size)
      for j in range(size)
    )
    zeros = (jnp.zeros((), x.dtype),) * len(products)
    sums = lax.reduce(products, zeros, _add_all, (0, 1, 2))
    return total + jnp.stack(sums), None

  start = jnp.zeros((size * size, x.shape[-1]), x.dtype)
  pairs = tuple(a.reshape(groups, images, *a.shape[1:]) for a in (padded, dy))
  total, _ = lax.scan(add_group, start, pairs)
  return total.reshape(size, size, -1)


def _add_all(a: Sequence[Array], b: Sequence[Array]) -> tuple[Array, ...]:
  return tuple(x + y for x, y in zip(a, b, strict=True))
