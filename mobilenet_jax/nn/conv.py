"""Dense convolution: a matrix product on CPU, a convolution elsewhere.

XLA on CPU computes the weight gradient of a convolution as a convolution with
a window as large as the image, many times slower than the same sums as a
matrix product. A larger kernel is unfolded into its taps first; our compiled
kernel (`nn.native`) does so in cache.
"""

import functools
from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.typing import ArrayLike

from mobilenet_jax.arch import Axis, Padding, axis
from mobilenet_jax.nn import native
from mobilenet_jax.nn.affine import Affine, fused
from mobilenet_jax.nn.padding import pad, tap

Impl = Literal['auto', 'portable', 'cpu', 'native']
FEW_PIXELS = 256  # of all images; XLA multiplies so few rows faster


def conv(
  x: Array,
  kernel: Array,
  stride: int = 1,
  impl: Impl = 'auto',
  *,
  padding: Padding = 'same',
  dilation: int = 1,
  groups: int = 1,
  then: Affine | None = None,
  live: ArrayLike | None = None,
) -> Array:
  """Convolves [N, H, W, C] with [k, k, C / groups, D].

  Args:
    impl: 'native' is the compiled kernel (of one group), 'cpu' the matrix
      product, 'portable' XLA's convolution (the one to export), 'auto' the
      fastest on this platform.
    padding: see `arch.axis`.
    then: what follows.
    live: [2] int32, how many of the first channels of x and of the result
      count: the others of x are zeros, those of the result are masked later,
      so that they need not be computed.

  Returns:
    [N, H', W', D]; with SAME padding H' is ceil(H / stride).
  """
  rows, cols = window(x, kernel, stride, padding, dilation)
  if groups == 1 and native.chosen(impl, x) and _many(impl, x, rows, cols):
    live = native.ALL if live is None else live
    plain = functools.partial(_native, live=live, rows=rows, cols=cols)
    if then is not None and then.activation in native.ACTIVATIONS:
      fast = functools.partial(native.conv, rows=rows, cols=cols)
      return fused(fast, plain, x, kernel, then)
    y = plain(x, kernel)
  elif for_cpu(impl):
    y = _unfolded(x, kernel, rows, cols, groups)
  else:
    y = grouped_conv(x, kernel, rows, cols, groups)
  return y if then is None else then(y)


def _many(impl: Impl, x: Array, rows: Axis, cols: Axis) -> bool:
  pixels = x.shape[0] * rows.out * cols.out
  return impl == 'native' or pixels >= FEW_PIXELS


@functools.partial(jax.custom_vjp, nondiff_argnums=(3, 4))
def _native(
  x: Array, kernel: Array, live: ArrayLike, rows: Axis, cols: Axis
) -> Array:
  return native.conv(x, kernel, None, None, live, rows=rows, cols=cols)


def _native_fwd(
  x: Array, kernel: Array, live: ArrayLike, rows: Axis, cols: Axis
):
  return _native(x, kernel, live, rows, cols), (x, kernel, live)


def _native_bwd(rows: Axis, cols: Axis, saved, dy: Array):
  x, kernel, live = saved
  if (
    kernel.shape[:2] == (1, 1)
    and x.shape[:3] == dy.shape[:3]
    and (rows.stride == 1 and not rows.before and not cols.before)
  ):
    d_x = native.conv_input_gradient(dy, kernel, live)
  else:
    _, vjp = jax.vjp(lambda x: _unfolded(x, kernel, rows, cols, 1), x)
    (d_x,) = vjp(dy)
  d_kernel = native.conv_kernel_gradient(
    x, dy, kernel.shape, live, rows=rows, cols=cols
  )
  return d_x, d_kernel, None


_native.defvjp(_native_fwd, _native_bwd)


def _unfolded(
  x: Array, kernel: Array, rows: Axis, cols: Axis, groups: int
) -> Array:
  """The matrix product of XLA."""
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
