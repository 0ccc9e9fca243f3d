"""Batch norm whose gradient is two sums and one elementwise pass.

Autodiff of the usual form walks over the activations many times: on CPU its
gradient takes several times as long as the one written here.
"""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from mobilenet_jax.nn import native
from mobilenet_jax.nn.activations import ACTIVATIONS
from mobilenet_jax.nn.conv import Impl


class BatchNorm(nn.Module):
  """Batch normalization over all axes but the last (arXiv 1502.03167).

  Trains on the statistics of the batch (under `jit` with a sharded batch:
  of the global batch) and keeps their moving average in the collection
  'batch_stats', which evaluation uses.

  Attributes:
    momentum: weight of the old moving average.
    epsilon: added to the variance.
    activation: of the result.
    impl: see `nn.conv`.
  """

  momentum: float = 0.99
  epsilon: float = 1e-3
  activation: str = 'linear'
  impl: Impl = 'auto'

  @nn.compact
  def __call__(self, x: Array, *, train: bool) -> Array:
    shape = x.shape[-1:]
    scale = self.param('scale', nn.initializers.ones, shape)
    bias = self.param('bias', nn.initializers.zeros, shape)
    mean = self.variable('batch_stats', 'mean', jnp.zeros, shape)
    var = self.variable('batch_stats', 'var', jnp.ones, shape)
    if not train:
      gain = scale * jax.lax.rsqrt(var.value + self.epsilon)
      shift = bias - mean.value * gain
      y = x * gain.astype(x.dtype) + shift.astype(x.dtype)
      return ACTIVATIONS[self.activation](y)
    y, batch_mean, batch_var = normalize_and_activate(
      x, scale, bias, self.epsilon, self.activation, self.impl
    )
    if not self.is_initializing():
      keep = self.momentum
      mean.value = keep * mean.value + (1 - keep) * batch_mean
      var.value = keep * var.value + (1 - keep) * batch_var
    return y


def normalize_and_activate(
  x: Array,
  scale: Array,
  bias: Array,
  epsilon: float,
  activation: str,
  impl: Impl,
) -> tuple[Array, Array, Array]:
  """Returns (activation of normalized x, mean [C], variance [C]) of a batch
  [..., C]; the statistics carry no gradient."""
  if activation in native.ACTIVATIONS and native.chosen(impl, x):
    return native.norm_activation(x, scale, bias, epsilon, activation)
  y, mean, var = normalize(x, scale, bias, epsilon)
  return ACTIVATIONS[activation](y), mean, var


@functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
def normalize(
  x: Array, scale: Array, bias: Array, epsilon: float
) -> tuple[Array, Array, Array]:
  """Returns (normalized x, mean [C], variance [C]) of a batch [..., C].

  The statistics carry no gradient; they are for moving averages.
  """
  return _normalize(x, scale, bias, epsilon)[0]


def _normalize(x: Array, scale: Array, bias: Array, epsilon: float):
  wide = x.astype(jnp.float32)
  axes = tuple(range(x.ndim - 1))
  mean = jnp.mean(wide, axes)
  var = jnp.mean(jnp.square(wide - mean), axes)
  inverse = jax.lax.rsqrt(var + epsilon)
  y = (wide - mean) * (inverse * scale) + bias
  return (y.astype(x.dtype), mean, var), (x, scale, mean, inverse)


def _normalize_bwd(epsilon: float, saved, grads):
  x, scale, mean, inverse = saved
  flat = x.astype(jnp.float32).reshape(-1, x.shape[-1])
  dy = grads[0].astype(jnp.float32).reshape(flat.shape)
  normal = (flat - mean) * inverse
  d_bias = jnp.sum(dy, 0)
  d_scale = jnp.sum(dy * normal, 0)
  n = flat.shape[0]
  dx = (inverse * scale) * (dy - d_bias / n - normal * (d_scale / n))
  return dx.reshape(x.shape).astype(x.dtype), d_scale, d_bias


normalize.defvjp(_normalize, _normalize_bwd)
