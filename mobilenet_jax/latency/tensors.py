"""A whole space priced: a small array a block, indexed by its decisions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mobilenet_jax.arch import ArchSpec, OneOf, decisions, variants
from mobilenet_jax.latency.key import BlockKey, block_key
from mobilenet_jax.latency.table import LatencyTable


@dataclass(frozen=True)
class BlockPrices:
  """Milliseconds of a block for each of its choices.

  Attributes:
    ms: float64, one axis a decision of `axes`.
    axes: positions in the choice vector, one for each axis of `ms`.
    keep_axis: position of the decision that may drop the block, or None.
    keep: by index of that decision, whether the block is there.
  """

  ms: np.ndarray
  axes: tuple[int, ...]
  keep_axis: int | None
  keep: tuple[bool, ...]


def space_keys(space: ArchSpec, dtype: str = 'float32') -> tuple[BlockKey, ...]:
  """Every distinct block that a space can contain, in order."""
  found: dict[BlockKey, None] = {}
  for row in variants(space):
    for _, block, io in row.each():
      found[block_key(block, io, dtype, row.padding)] = None
  return tuple(found)


def price_tensors(
  space: ArchSpec, table: LatencyTable
) -> tuple[BlockPrices, ...]:
  """Prices every choice of a space, block by block.

  Raises:
    UserError: a block is not in the table; it is named.
  """
  position = {tag: i for i, tag in enumerate(decisions(space))}
  made = []
  for row in variants(space):
    ms = np.zeros(row.sizes)
    for index, block, io in row.each():
      ms[index] = table[block_key(block, io, table.dtype, row.padding)].ms
    keep = row.keep
    optional = isinstance(keep, OneOf)
    made.append(
      BlockPrices(
        ms,
        tuple(position[tag] for tag in row.tags),
        position[keep.tag] if optional else None,
        tuple(keep.choices) if optional else (),
      )
    )
  return tuple(made)


def price(tensors: Sequence[BlockPrices], vector: Sequence[int]) -> float:
  """Milliseconds of a choice vector."""
  total = 0.0
  for block in tensors:
    there = block.keep_axis is None or block.keep[vector[block.keep_axis]]
    total += there * float(block.ms[tuple(vector[a] for a in block.axes)])
  return total
