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
from mobilenet_jax.nn.affine import Affine
from mobilenet_jax.nn.conv import Impl
from mobilenet_jax.nn.param import param


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

  def __call__(self, x: Array, *, train: bool) -> Array:
    if not train:
      return self.affine(x.shape[-1])(x)
    scale, bias, mean, var = self._variables(x.shape[-1])
    y, batch_mean, batch_var = normalize_and_activate(
      x, scale, bias, self.epsilon, self.activation, self.impl
    )
    if not self.is_initializing():
      keep = self.momentum
      mean.value = keep * mean.value + (1 - keep) * batch_mean
      var.value = keep * var.value + (1 - keep) * batch_var
    return y

  def affine(self, channels: int) -> Affine:
    """What evaluation does."""
    scale, bias, mean, var = self._variables(channels)
    gain = scale * jax.lax.rsqrt(var.value + self.epsilon)
    return Affine(gain, bias - mean.value * gain, self.activation)

  @nn.compact
  def _variables(
    self, channels: int
  ) -> tuple[Array, Array, nn.Variable, nn.Variable]:
    """Scale, bias, and the moving mean and variance."""
    shape = (channels,)
    return (
      param(self, 'scale', nn.initializers.ones, shape),
      param(self, 'bias', nn.initializers.zeros, shape),
      self.variable('batch_stats', 'mean', jnp.zeros, shape),
      self.variable('batch_stats', 'var', jnp.ones, shape),
    )


def normalize_and_activate(
  x: Array,
  scale: Array,
  bias: Array,
  epsilon: float,
  activation: str,
  impl: Impl,
  mask: Array | None = None,
  live: Array | None = None,
) -> tuple[Array, Array, Array]:
  """Returns (activation of normalized x, mean [C], variance [C]) of a batch
  [..., C]; the statistics carry no gradient.

  Args:
    mask: [C], multiplied with the result.
    live: [2] int32, how many of the first channels the mask leaves, twice.
  """
  if activation in native.ACTIVATIONS and native.chosen(impl, x):
    all_of = jnp.ones(x.shape[-1], x.dtype) if mask is None else mask
    count = native.ALL if live is None else live
    scale, bias, all_of = (a.astype(x.dtype) for a in (scale, bias, all_of))
    return native.norm_activation(
      x, scale, bias, all_of, count, epsilon, activation
    )
  y, mean, var = normalize(x, scale, bias, epsilon)
  y = ACTIVATIONS[activation](y)
  return y if mask is None else y * mask, mean, var


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
