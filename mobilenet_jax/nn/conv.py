"""Dense convolution: a matrix product on CPU, a convolution elsewhere.

XLA on CPU computes the weight gradient of a convolution as a convolution with
a window as large as the image, many times slower than the same sums as a
matrix product. A larger kernel is unfolded into its taps first.
"""

from typing import Literal

import jax
import jax.numpy as jnp
from jax import Array, lax

from mobilenet_jax.nn.padding import pad_same, tap

Impl = Literal['auto', 'portable', 'cpu']


def conv(
  x: Array, kernel: Array, stride: int = 1, impl: Impl = 'auto'
) -> Array:
  """Convolves [N, H, W, C] with [k, k, C, D], SAME padding.

  Args:
    impl: 'cpu' is the matrix product, 'portable' XLA's convolution (the one
      to export), 'auto' the faster on this platform.

  Returns:
    [N, ceil(H / stride), ceil(W / stride), D].
  """
  if not for_cpu(impl):
    return lax.conv_general_dilated(
      x,
      kernel,
      (stride, stride),
      'SAME',
      dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
    )
  size, _, channels, features = kernel.shape
  if size == 1:
    return x[:, ::stride, ::stride] @ kernel[0, 0]
  padded, rows, cols = pad_same(x, size, stride)
  taps = [
    tap(padded, i, j, rows, cols, stride)
    for i in range(size)
    for j in range(size)
  ]
  flat = kernel.reshape(size * size * channels, features)
  return jnp.concatenate(taps, -1) @ flat


def for_cpu(impl: Impl) -> bool:
  """Whether the form for CPU is meant."""
  if impl == 'auto':
    return jax.default_backend() == 'cpu'
  return impl == 'cpu'
