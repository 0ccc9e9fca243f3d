"""A whole space priced: a small array a block, indexed by its decisions.

Of a slot with a choice of blocks every alternative is one block, which costs
nothing where another is chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mobilenet_jax.arch import (
  ArchSpec,
  Block,
  BlockIO,
  Padding,
  choice_tables,
  variants,
)
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

  def cost(block: Block, io: BlockIO, padding: Padding) -> float:
    return table.cost(block_key(block, io, table.dtype, padding), missing).ms

  made = choice_tables(space, cost)
  return tuple(BlockPrices(values, axes) for axes, values in made)


def price(tensors: Sequence[BlockPrices], vector: Sequence[int]) -> float:
  """Milliseconds of a choice vector."""
  return sum(
    float(block.ms[tuple(vector[a] for a in block.axes)]) for block in tensors
  )
