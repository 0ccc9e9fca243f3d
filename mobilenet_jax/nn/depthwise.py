"""Depthwise convolution: grouped where that is fast, other forms on CPU.

XLA on CPU runs a convolution with as many groups as channels 10 to 70 times
slower than the sum of k*k shifted products below, and its gradient likewise.
That sum is what runs where our compiled kernel (`nn.native`) cannot. All forms
take the same parameters and give the same results; those for CPU are chosen by
platform and never exported (the sum would become k*k multiplies).
"""

import functools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.typing import ArrayLike

from mobilenet_jax.arch import Axis, Padding
from mobilenet_jax.nn import native
from mobilenet_jax.nn.affine import Affine, fused
from mobilenet_jax.nn.conv import Impl, for_cpu, grouped_conv, window
from mobilenet_jax.nn.padding import pad, tap

IMAGES_AT_A_TIME = 4


def depthwise_conv(
  x: Array,
  kernel: Array,
  stride: int = 1,
  impl: Impl = 'auto',
  *,
  padding: Padding = 'same',
  dilation: int = 1,
  then: Affine | None = None,
  live: ArrayLike | None = None,
) -> Array:
  """Convolves every channel with its own filter.

  Args:
    x: [N, H, W, C].
    kernel: [k, k, 1, C], as Flax keeps depthwise kernels.
    stride: of both axes.
    impl: 'native' is the compiled kernel, 'cpu' the shifted form, 'portable'
      the grouped one (the one to export), 'auto' the fastest on this platform.
    padding: see `arch.axis`.
    then: what follows.
    live: see `nn.conv`.

  Returns:
    [N, H', W', C]; with SAME padding H' is ceil(H / stride).
  """
  rows, cols = window(x, kernel, stride, padding, dilation)
  if native.chosen(impl, x):
    live = native.ALL if live is None else live
    plain = functools.partial(_native, live=live, rows=rows, cols=cols)
    if then is not None and then.activation in native.ACTIVATIONS:
      fast = functools.partial(native.depthwise, rows=rows, cols=cols)
      return fused(fast, plain, x, kernel, then)
    y = plain(x, kernel)
  # the gradient below knows strides, and dilation, but not both
  elif not for_cpu(impl) or (stride > 1 and dilation > 1):
    y = grouped_conv(x, kernel, rows, cols, x.shape[-1])
  else:
    rows, live_rows = rows.live()
    cols, live_cols = cols.live()
    y = _shifted(x, kernel[live_rows, live_cols, 0], rows, cols)
  return y if then is None else then(y)


@functools.partial(jax.custom_vjp, nondiff_argnums=(3, 4))
def _native(
  x: Array, kernel: Array, live: ArrayLike, rows: Axis, cols: Axis
) -> Array:
  return native.depthwise(x, kernel, None, None, live, rows=rows, cols=cols)


def _native_fwd(
  x: Array, kernel: Array, live: ArrayLike, rows: Axis, cols: Axis
):
  return _native(x, kernel, live, rows, cols), (x, kernel, live)


def _native_bwd(rows: Axis, cols: Axis, saved, dy: Array):
  x, kernel, live = saved
  d_x, d_kernel = native.depthwise_gradients(
    x, kernel, dy, live, rows=rows, cols=cols
  )
  return d_x, d_kernel, None


_native.defvjp(_native_fwd, _native_bwd)


def _correlate(x: Array, kernel: Array, rows: Axis, cols: Axis) -> Array:
  """Sum of shifted products of a padded x with a [k_h, k_w, C] kernel."""
  total = jnp.zeros((), x.dtype)
  for i in range(rows.taps):
    for j in range(cols.taps):
      total = total + tap(x, i, j, rows, cols) * kernel[i, j]
  return total


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _shifted(x: Array, kernel: Array, rows: Axis, cols: Axis) -> Array:
  return _correlate(pad(x, rows, cols), kernel, rows, cols)


def _shifted_fwd(
  x: Array, kernel: Array, rows: Axis, cols: Axis
) -> tuple[Array, tuple[Array, Array]]:
  return _shifted(x, kernel, rows, cols), (x, kernel)


def _shifted_bwd(
  rows: Axis, cols: Axis, saved: tuple[Array, Array], dy: Array
) -> tuple[Array, Array]:
  x, kernel = saved
  return (
    _input_gradient(dy, kernel, rows, cols),
    _kernel_gradient(x, dy, rows, cols),
  )


_shifted.defvjp(_shifted_fwd, _shifted_bwd)


def _input_gradient(dy: Array, kernel: Array, rows: Axis, cols: Axis) -> Array:
  """Gradient to x. Each phase of a strided grid has its own few taps, so that
  nothing is computed on the zeros between the strides."""
  stride = rows.stride
  height, width = (-(-(a.before + a.size) // stride) for a in (rows, cols))
  phases = []
  for i in range(stride):
    for j in range(stride):
      taps = kernel[i::stride, j::stride][::-1, ::-1]
      phases.append(_correlate_full(dy, taps, height, width, rows.dilation))
  if stride == 1:
    full = phases[0]
  else:
    n, c = dy.shape[0], dy.shape[-1]
    grid = jnp.stack(phases, 3).reshape(n, height, width, stride, stride, c)
    full = grid.transpose(0, 1, 3, 2, 4, 5).reshape(
      n, height * stride, width * stride, c
    )
  edges = [
    (-a.before, a.before + a.size - length * stride, 0)
    for a, length in ((rows, height), (cols, width))
  ]
  zero = jnp.zeros((), dy.dtype)
  return lax.pad(full, zero, [(0, 0, 0), *edges, (0, 0, 0)])


def _correlate_full(
  dy: Array, taps: Array, height: int, width: int, dilation: int
) -> Array:
  """Full correlation of dy, cut or zero-filled to height x width."""
  t_h, t_w, c = taps.shape
  if not t_h * t_w:  # a stride wider than the kernel skips this phase
    return jnp.zeros((dy.shape[0], height, width, c), dy.dtype)
  rows, cols = (
    Axis(size, out, (count - 1) * dilation, count, dilation=dilation)
    for size, out, count in (
      (dy.shape[1], height, t_h),
      (dy.shape[2], width, t_w),
    )
  )
  return _correlate(pad(dy, rows, cols), taps, rows, cols)


def _kernel_gradient(x: Array, dy: Array, rows: Axis, cols: Axis) -> Array:
  """Gradient to the [k_h, k_w, C] kernel.

  A few images at a time, so that they stay in cache, and one reduction with
  an accumulator a tap, so that each is read once and no product is stored.
  """
  padded = pad(x, rows, cols)
  images = math.gcd(x.shape[0], IMAGES_AT_A_TIME)
  groups = x.shape[0] // images

  def add_group(total: Array, pair: tuple[Array, ...]) -> tuple[Array, None]:
    group, grad = pair
    products = tuple(
      tap(group, i, j, rows, cols) * grad
      for i in range(rows.taps)
      for j in range(cols.taps)
    )
    zeros = (jnp.zeros((), x.dtype),) * len(products)
    sums = lax.reduce(products, zeros, _add_all, (0, 1, 2))
    return total + jnp.stack(sums), None

  start = jnp.zeros((rows.taps * cols.taps, x.shape[-1]), x.dtype)
  pairs = tuple(a.reshape(groups, images, *a.shape[1:]) for a in (padded, dy))
  total, _ = lax.scan(add_group, start, pairs)
  return total.reshape(rows.taps, cols.taps, -1)


def _add_all(a: Sequence[Array], b: Sequence[Array]) -> tuple[Array, ...]:
  return tuple(x + y for x, y in zip(a, b, strict=True))
