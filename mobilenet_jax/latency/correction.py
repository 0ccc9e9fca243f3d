"""What a sum of blocks misses of a whole network.

A block that is timed alone finds its weights in the nearest cache, where its
own last run left them; inside a network it fetches them from further away.
Blocks of small images, whose time is that of their weights, miss most; those
of large images stream through the caches either way.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.key import BlockKey

SIDES = (56, 28)  # pixels of a block's input, at least


@dataclass(frozen=True)
class Correction:
  """Factors from a block's time alone to its time within a network.

  Attributes:
    large, middle, small: of blocks whose input has at least 56 pixels a side,
      at least 28, or less.
  """

  large: float = 1.0
  middle: float = 1.0
  small: float = 1.0

  def __call__(self, key: BlockKey, ms: float) -> float:
    return dataclasses.astuple(self)[place(key)] * ms

  def to_json(self) -> dict[str, float]:
    """As a table's provenance holds it."""
    return dataclasses.asdict(self)

  @classmethod
  def read(cls, value: Any, path: str) -> 'Correction':
    """Reads the entry of a provenance; None is no correction."""
    if value is None:
      return cls()
    names = {f.name for f in dataclasses.fields(cls)}
    if not isinstance(value, dict) or not names >= set(value) - {'fitted_on'}:
      raise UserError(f'Latency table {path}: cannot read its correction.')
    numbers = {k: v for k, v in value.items() if k in names}
    if not all(
      isinstance(v, int | float) and 0 < v < 100 for v in numbers.values()
    ):
      raise UserError(f'Latency table {path}: its correction is no factor.')
    return cls(**numbers)


def place(key: BlockKey) -> int:
  """Which factor is a block's: 0, 1 or 2."""
  return sum(key.in_size < side for side in SIDES)


def by_size(
  wanted: Sequence[BlockKey], times: Sequence[float]
) -> tuple[float, float, float]:
  """A network's time alone, by what the factors multiply."""
  total = [0.0, 0.0, 0.0]
  for key, ms in zip(wanted, times, strict=True):
    total[place(key)] += ms
  return total[0], total[1], total[2]
