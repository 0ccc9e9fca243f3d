"""What every choice of a space costs: small arrays, one a block."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mobilenet_jax.arch.layer import BlockIO
from mobilenet_jax.arch.oneof import decisions
from mobilenet_jax.arch.spec import ArchSpec
from mobilenet_jax.arch.variants import BlockVariants, variants
from mobilenet_jax.arch.window import Padding

Measure = Callable[[Any, BlockIO, Padding], float]


class ChoiceTable(NamedTuple):
  """A cost of a block for each of its choices.

  Attributes:
    axes: positions in the choice vector, one for each axis of `values`.
    values: float64; 0 where the block is not there.
  """

  axes: tuple[int, ...]
  values: np.ndarray


def choice_tables(space: ArchSpec, measure: Measure) -> tuple[ChoiceTable, ...]:
  """Measures every choice of a space, row by row of `variants`.

  Args:
    measure: of a concrete block, its shapes and the padding.
  """
  position = {tag: i for i, tag in enumerate(decisions(space))}
  return tuple(_table(row, position, measure) for row in variants(space))


def macs_of(block: Any, io: BlockIO, padding: Padding) -> float:
  """Multiply-adds of a concrete block; a `Measure`."""
  del padding
  return float(sum(layer.macs for layer in block.layers(io)))


def _table(
  row: BlockVariants, position: dict[str, int], measure: Measure
) -> ChoiceTable:
  values = np.zeros(row.sizes)
  for index, block, io in row.each():
    values[index] = measure(block, io, row.padding)
  axes = [position[tag] for tag in row.tags]
  for condition in row.conditions:
    there = np.asarray(condition.choices, float)
    place = position[condition.tag]
    if place not in axes:
      axes.append(place)
      values = values[..., None] * there
    else:
      shape = [1] * len(axes)
      shape[axes.index(place)] = -1
      values = values * there.reshape(shape)
  return ChoiceTable(tuple(axes), values)
