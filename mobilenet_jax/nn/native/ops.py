"""The compiled kernels as functions of JAX arrays.

`live` is [2] int32: of a convolution's input and output, of the others the
first alone counts. Channels beyond it hold zeros, and nothing is computed for
them: a weight-sharing network passes the widths that it has sampled.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from mobilenet_jax.arch import Axis
from mobilenet_jax.nn.activations import ACTIVATIONS as FUNCTIONS

ACTIVATIONS = (
  'linear',
  'relu',
  'relu6',
  'hard_swish',
)  # as activation.h counts
ALL = np.full(2, 2**31 - 1, np.int32)  # every channel lives


def conv(
  x: Array,
  kernel: Array,
  gain: Array | None,
  bias: Array | None,
  live: ArrayLike = ALL,
  *,
  rows: Axis,
  cols: Axis,
  activation: str = 'linear',
) -> Array:
  """Convolves, scales, adds a bias, applies one of `ACTIVATIONS`; it has no
  gradient.

  Args:
    x: [N, H, W, C], float32.
    kernel: [k_h, k_w, C, D].
    gain, bias: [D].

  Returns:
    [N, rows.out, cols.out, D].
  """
  channels = kernel.shape[-1]
  call = _call('conv_forward', (x.shape[0], rows.out, cols.out, channels))
  gain = jnp.ones(channels, np.float32) if gain is None else gain
  bias = jnp.zeros(channels, np.float32) if bias is None else bias
  how = {'activation': _number(activation), **_window(rows, cols)}
  return call(x, kernel, gain, bias, live, **how)


def conv_input_gradient(
  dy: Array, kernel: Array, live: ArrayLike = ALL
) -> Array:
  """The gradient of `conv` to x, for one tap and stride 1."""
  shape = (*dy.shape[:3], kernel.shape[2])
  return _call('conv_input_gradient', shape)(dy, kernel, live)


def conv_kernel_gradient(
  x: Array,
  dy: Array,
  shape: tuple[int, ...],
  live: ArrayLike = ALL,
  *,
  rows: Axis,
  cols: Axis,
) -> Array:
  """The gradient of `conv` to its kernel of a shape."""
  call = _call('conv_kernel_gradient', shape)
  return call(x, dy, live, **_window(rows, cols))


def depthwise(
  x: Array,
  kernel: Array,
  gain: Array | None,
  bias: Array | None,
  live: ArrayLike = ALL,
  *,
  rows: Axis,
  cols: Axis,
  activation: str = 'linear',
) -> Array:
  """As `conv`, every channel with its own filter of [k_h, k_w, 1, C]."""
  channels = kernel.shape[-1]
  call = _call('depthwise_forward', (x.shape[0], rows.out, cols.out, channels))
  kernel = kernel if gain is None else kernel * gain
  bias = jnp.zeros(channels, np.float32) if bias is None else bias
  how = {'activation': _number(activation), **_window(rows, cols)}
  return call(x, kernel, bias, live, **how)


def depthwise_gradients(
  x: Array,
  kernel: Array,
  dy: Array,
  live: ArrayLike = ALL,
  *,
  rows: Axis,
  cols: Axis,
) -> tuple[Array, Array]:
  """The gradients of `depthwise` to x and to the kernel."""
  to_x = _call('depthwise_input_gradient', x.shape)
  to_kernel = _call('depthwise_kernel_gradient', kernel.shape)
  window = _window(rows, cols)
  return to_x(dy, kernel, live, **window), to_kernel(x, dy, live, **window)


@functools.partial(jax.custom_vjp, nondiff_argnums=(5, 6))
def norm_activation(
  x: Array,
  scale: Array,
  bias: Array,
  mask: Array,
  live: ArrayLike,
  epsilon: float,
  activation: str,
) -> tuple[Array, Array, Array]:
  """Normalizes a batch [..., C], applies one of `ACTIVATIONS`, masks.

  Args:
    mask: [C]; 0 where a channel does not live.

  Returns:
    The result, and mean and variance [C]; those carry no gradient.
  """
  return _norm_fwd(x, scale, bias, mask, live, epsilon, activation)[0]


def _norm_fwd(
  x: Array,
  scale: Array,
  bias: Array,
  mask: Array,
  live: ArrayLike,
  epsilon: float,
  activation: str,
):
  call = _norm('forward', x, scale)
  how = {'epsilon': np.float32(epsilon), 'activation': _number(activation)}
  y, mean, var = call(x, scale, bias, mask, live, **how)
  return (y, mean, var), (x, scale, bias, mask, live, mean, var)


def _norm_bwd(epsilon: float, activation: str, saved, grads):
  x, scale, bias, mask, live, mean, var = saved
  dy = grads[0]
  call = _norm('backward', x, scale)
  how = {'epsilon': np.float32(epsilon), 'activation': _number(activation)}
  made = call(x, scale, bias, mask, live, dy, mean, var, **how)
  # nothing of this is computed where nobody asks for the mask's gradient
  normal = (x - mean) * jax.lax.rsqrt(var + epsilon)
  full = FUNCTIONS[activation](normal * scale + bias)
  d_mask = jnp.sum(dy * full, tuple(range(x.ndim - 1)))
  return *made, d_mask, None


norm_activation.defvjp(_norm_fwd, _norm_bwd)


def _norm(way: str, x: Array, scale: Array) -> Callable[..., Any]:
  return jax.ffi.ffi_call(
    f'mobilenet_jax.norm_activation_{way}',
    tuple(jax.ShapeDtypeStruct(a.shape, np.float32) for a in (x, scale, scale)),
    vmap_method='sequential',
  )


def _call(name: str, shape: tuple[int, ...]) -> Callable[..., Array]:
  return jax.ffi.ffi_call(
    f'mobilenet_jax.{name}',
    jax.ShapeDtypeStruct(shape, np.float32),
    vmap_method='sequential',
  )


def _window(rows: Axis, cols: Axis) -> dict[str, np.generic]:
  return {
    'stride': np.int64(rows.stride),
    'dilation': np.int64(rows.dilation),
    'top': np.int64(rows.before),
    'left': np.int64(cols.before),
  }


def _number(activation: str) -> np.generic:
  return np.int64(ACTIVATIONS.index(activation))
