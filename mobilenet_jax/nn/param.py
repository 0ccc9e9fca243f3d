"""Parameters of modules, found quickly."""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax import Array


def param(
  module: nn.Module, name: str, init: Callable[..., Array], shape: tuple
) -> Array:
  """What `module.param(name, init, shape)` returns.

  Where the parameter is there it is taken as it is: Linen would trace the
  initializer again to compare shapes, a fifth of tracing a whole network.
  """
  if not module.is_initializing() and module.has_variable('params', name):
    value = module.get_variable('params', name)
    if jnp.shape(value) == shape:
      return value
  return module.param(name, init, shape)
