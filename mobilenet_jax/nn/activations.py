"""Activation functions and gates by their name in a spec."""

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array, nn

# erf(x) = x P(x^2) / Q(x^2) where |x| is below ERF_END, by Remez' algorithm as
# Eigen and XLA have it; highest power first
ERF_END = 3.7439211627767994
ERF_P = (
  0.00022905065861350646, 0.0034082910107109506, 0.050955695062380861,
  0.18520832239976145, 1.128379143519084,
)  # fmt: skip
ERF_Q = (
  -1.1791602954361697e-7, 0.000023547966471313185, 0.0010179625278914885,
  0.014070470171167667, 0.11098505178285362, 0.49746925110067538, 1.0,
)  # fmt: skip


def gelu(x: Array) -> Array:
  """x times the normal distribution function, exact to 1e-6.

  Spelt out because no TFLite converter knows erf on every JAX we support.
  """
  wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
  bounded = jnp.clip(wide * 0.5**0.5, -ERF_END, ERF_END)
  square = bounded * bounded
  erf = bounded * _polynomial(ERF_P, square) / _polynomial(ERF_Q, square)
  return (0.5 * wide * (1 + erf)).astype(x.dtype)


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
  total = jnp.full_like(x, coefficients[0])
  for coefficient in coefficients[1:]:
    total = total * x + coefficient
  return total


def hard_sigmoid(x: Array) -> Array:
  """relu6(x + 3) / 6 (MobileNetV3, arXiv 1905.02244, section 5.2)."""
  return nn.hard_sigmoid(x)


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
  'relu': nn.relu,
  'relu6': nn.relu6,
  'hard_swish': nn.hard_swish,
  'swish': nn.swish,
  'gelu': gelu,
  'linear': lambda x: x,
}
GATES: dict[str, Callable[[Array], Array]] = {
  'hard_sigmoid': hard_sigmoid,
  'sigmoid': nn.sigmoid,
}
