"""A whole space priced: a small array a block, indexed by its decisions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mobilenet_jax.arch import ArchSpec, OneOf, decisions, variants
from mobilenet_jax.latency.key import BlockKey, block_key
from mobilenet_jax.latency.table import LatencyTable, Missing


@dataclass(frozen=True)
class BlockPrices:
  """Milliseconds of a block for each of its choices.

  Attributes:
    ms: float64, one axis a decision of `axes`; 0 where the block is not there.
    axes: positions in the choice vector, one for each axis of `ms`.
  """

  ms: np.ndarray
  axes: tuple[int, ...]


def space_keys(space: ArchSpec, dtype: str = 'float32') -> tuple[BlockKey, ...]:
  """Every distinct block that a space can contain, in order."""
  found: dict[BlockKey, None] = {}
  for row in variants(space):
    for _, block, io in row.each():
      found[block_key(block, io, dtype, row.padding)] = None
  return tuple(found)


def price_tensors(
  space: ArchSpec, table: LatencyTable, missing: Missing = 'error'
) -> tuple[BlockPrices, ...]:
  """Prices every choice of a space, block by block.

  Raises:
    UserError: with 'error', a block is not in the table; it is named.
  """
  position = {tag: i for i, tag in enumerate(decisions(space))}
  made = []
  for row in variants(space):
    ms = np.zeros(row.sizes)
    for index, block, io in row.each():
      key = block_key(block, io, table.dtype, row.padding)
      ms[index] = table.cost(key, missing).ms
    axes = tuple(position[tag] for tag in row.tags)
    if isinstance(row.keep, OneOf):
      ms, axes = _optional(ms, axes, row.keep, position[row.keep.tag])
    made.append(BlockPrices(ms, axes))
  return tuple(made)


def _optional(
  ms: np.ndarray, axes: tuple[int, ...], keep: OneOf, position: int
) -> tuple[np.ndarray, tuple[int, ...]]:
  """Prices that are 0 where the decision drops the block."""
  there = np.asarray(keep.choices, float)
  if position not in axes:
    return ms[..., None] * there, (*axes, position)
  shape = [1] * len(axes)
  shape[axes.index(position)] = -1
  return ms * there.reshape(shape), axes


def price(tensors: Sequence[BlockPrices], vector: Sequence[int]) -> float:
  """Milliseconds of a choice vector."""
  return sum(
    float(block.ms[tuple(vector[a] for a in block.axes)]) for block in tensors
  )
