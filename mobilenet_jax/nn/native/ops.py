"""The compiled kernels as differentiable functions of JAX arrays."""

import functools

import jax
import numpy as np
from jax import Array

from mobilenet_jax.arch import Axis

ACTIVATIONS = ('linear', 'relu', 'relu6', 'hard_swish')  # as norm.cc counts


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def depthwise(x: Array, kernel: Array, rows: Axis, cols: Axis) -> Array:
  """Convolves every channel with its own filter.

  Args:
    x: [N, H, W, C], float32.
    kernel: [k_h, k_w, 1, C], float32.

  Returns:
    [N, rows.out, cols.out, C].
  """
  shape = (x.shape[0], rows.out, cols.out, x.shape[-1])
  return _convolve('forward', shape, x, kernel, rows, cols)


def _depthwise_fwd(x: Array, kernel: Array, rows: Axis, cols: Axis):
  return depthwise(x, kernel, rows, cols), (x, kernel)


def _depthwise_bwd(rows: Axis, cols: Axis, saved, dy: Array):
  x, kernel = saved
  return (
    _convolve('input_gradient', x.shape, dy, kernel, rows, cols),
    _convolve('kernel_gradient', kernel.shape, x, dy, rows, cols),
  )


depthwise.defvjp(_depthwise_fwd, _depthwise_bwd)


def _convolve(
  what: str,
  shape: tuple[int, ...],
  a: Array,
  b: Array,
  rows: Axis,
  cols: Axis,
) -> Array:
  call = jax.ffi.ffi_call(
    f'mobilenet_jax.depthwise_{what}',
    jax.ShapeDtypeStruct(shape, np.float32),
    vmap_method='sequential',
  )
  return call(
    a,
    b,
    stride=np.int64(rows.stride),
    dilation=np.int64(rows.dilation),
    top=np.int64(rows.before),
    left=np.int64(cols.before),
  )


@functools.partial(jax.custom_vjp, nondiff_argnums=(3, 4))
def norm_activation(
  x: Array, scale: Array, bias: Array, epsilon: float, activation: str
) -> tuple[Array, Array, Array]:
  """Normalizes a batch [..., C] and applies one of `ACTIVATIONS`.

  Returns:
    The result, and mean and variance [C]; those carry no gradient.
  """
  return _norm_fwd(x, scale, bias, epsilon, activation)[0]


def _norm_fwd(
  x: Array, scale: Array, bias: Array, epsilon: float, activation: str
):
  like, channel = _like(x), _like(scale)
  call = jax.ffi.ffi_call(
    'mobilenet_jax.norm_activation_forward',
    (like, channel, channel),
    vmap_method='sequential',
  )
  y, mean, var = call(x, scale, bias, **_attributes(epsilon, activation))
  return (y, mean, var), (x, scale, bias, mean, var)


def _norm_bwd(epsilon: float, activation: str, saved, grads):
  x, scale, bias, mean, var = saved
  like, channel = _like(x), _like(scale)
  call = jax.ffi.ffi_call(
    'mobilenet_jax.norm_activation_backward',
    (like, channel, channel),
    vmap_method='sequential',
  )
  attributes = _attributes(epsilon, activation)
  made = call(x, grads[0], scale, bias, mean, var, **attributes)
  return tuple(made)


norm_activation.defvjp(_norm_fwd, _norm_bwd)


def _like(x: Array) -> jax.ShapeDtypeStruct:
  return jax.ShapeDtypeStruct(x.shape, np.float32)


def _attributes(epsilon: float, activation: str) -> dict[str, np.generic]:
  return {
    'epsilon': np.float32(epsilon),
    'activation': np.int64(ACTIVATIONS.index(activation)),
  }
