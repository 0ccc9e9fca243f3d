"""Activation functions and gates by their name in a spec."""

import functools
from collections.abc import Callable

from jax import Array, nn


def hard_sigmoid(x: Array) -> Array:
  """relu6(x + 3) / 6 (MobileNetV3, arXiv 1905.02244, section 5.2)."""
  return nn.hard_sigmoid(x)


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
  'relu': nn.relu,
  'relu6': nn.relu6,
  'hard_swish': nn.hard_swish,
  'swish': nn.swish,
  'gelu': functools.partial(nn.gelu, approximate=False),
  'linear': lambda x: x,
}
GATES: dict[str, Callable[[Array], Array]] = {
  'hard_sigmoid': hard_sigmoid,
  'sigmoid': nn.sigmoid,
}
