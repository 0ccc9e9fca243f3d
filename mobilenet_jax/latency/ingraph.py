"""The same prices inside a compiled step: look-ups in small tensors."""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array

from mobilenet_jax.latency.tensors import BlockPrices


def price(tensors: Sequence[BlockPrices], vector: Array) -> Array:
  """Milliseconds of a choice vector, an int array of the decisions."""
  total = jnp.zeros(())
  for block in tensors:
    ms = jnp.asarray(block.ms, jnp.float32)
    ms = ms[tuple(vector[axis] for axis in block.axes)]
    if block.keep_axis is not None:
      ms = ms * jnp.asarray(block.keep)[vector[block.keep_axis]]
    total = total + ms
  return total
