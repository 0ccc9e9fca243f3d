"""Kernels for CPU, compiled on the user's machine, behind XLA's interface."""

import jax
import jax.numpy as jnp

from mobilenet_jax.nn.native.build import available
from mobilenet_jax.nn.native.ops import (
  ACTIVATIONS,
  ALL,
  conv,
  conv_input_gradient,
  conv_kernel_gradient,
  depthwise,
  depthwise_gradients,
  norm_activation,
)

__all__ = [
  'ACTIVATIONS',
  'ALL',
  'available',
  'chosen',
  'conv',
  'conv_input_gradient',
  'conv_kernel_gradient',
  'depthwise',
  'depthwise_gradients',
  'norm_activation',
]


def chosen(impl: str, x: jax.Array) -> bool:
  """Whether the kernels compute on x: asked for, or the fastest here.

  They know float32, and one device: XLA cannot split what it does not know.
  """
  if impl != 'auto':
    return impl == 'native'
  return (
    jax.default_backend() == 'cpu'
    and jax.device_count() == 1
    and x.dtype == jnp.float32
    and 0 not in x.shape
    and available()
  )
