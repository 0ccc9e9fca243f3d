"""The same prices inside a compiled step: as arrays, batched, differentiable.

arrays = PriceArrays.of(price_tensors(space.spec, table), len(space.tags))
ms = jax.jit(arrays.price)(vectors)           # [..., decisions] -> [...]
ms = arrays.expected([softmax(l) for l in logits])  # of a distribution
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jax import Array

from mobilenet_jax.latency.tensors import BlockPrices

# a TPU would round prices to bfloat16 otherwise
_matmul = functools.partial(jnp.matmul, precision='highest')


@dataclass(frozen=True)
class PriceArrays:
  """All prices of a space in one vector, and how a choice finds its own.

  Attributes:
    ms: float32 [prices].
    offset: int32 [blocks], where a block's prices start.
    stride: int32 [decisions, blocks], how far one choice further lies.
    blocks: the prices they are made of.
  """

  ms: np.ndarray
  offset: np.ndarray
  stride: np.ndarray
  blocks: tuple[BlockPrices, ...]

  @classmethod
  def of(cls, tensors: Sequence[BlockPrices], decisions: int) -> 'PriceArrays':
    """Lays the prices of a space out; `decisions` is its number of them."""
    tables, offset = [], [0]
    stride = np.zeros((decisions, len(tensors)), np.int32)
    for i, block in enumerate(tensors):
      tables.append(block.ms.ravel())
      offset.append(offset[-1] + block.ms.size)
      steps = np.cumprod([1, *block.ms.shape[:0:-1]])[::-1]
      for axis, step in zip(block.axes, steps, strict=False):
        stride[axis, i] = step
    return cls(
      np.concatenate(tables).astype(np.float32),
      np.asarray(offset[:-1], np.int32),
      stride,
      tuple(tensors),
    )

  def price(self, vectors: Array) -> Array:
    """Milliseconds of choice vectors, int32 [..., decisions] to [...]."""
    where = _matmul(jnp.asarray(vectors, jnp.int32), self.stride) + self.offset
    return jnp.asarray(self.ms)[where].sum(-1)

  def expected(self, probabilities: Sequence[Array]) -> Array:
    """Mean milliseconds when every decision is drawn on its own.

    Exact: the mean of a sum is the sum of means, and the decisions of a block
    are independent. Differentiable.

    Args:
      probabilities: of the choices, one vector a decision.
    """
    total = jnp.zeros(())
    for block in self.blocks:
      mean = jnp.asarray(block.ms, jnp.float32)
      for axis in reversed(block.axes):  # the last axis is summed first
        mean = _matmul(mean, probabilities[axis])
      total = total + mean
    return total
