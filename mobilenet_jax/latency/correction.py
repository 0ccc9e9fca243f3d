"""What a sum of blocks misses of a whole network.

A block that is timed alone pays for being called, finds its weights in the
cache, and has a cache to itself; inside a network it does not. What this
makes is a sum over blocks, too, so it is carried by each block's price.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.key import BlockKey, block_of, io_of


@dataclass(frozen=True)
class Correction:
  """A block's price from its time: a linear function, never below 0.

  Attributes:
    scale: of the time.
    block_ms: added for the block.
    weight_ms: added for a million weights.
  """

  scale: float = 1.0
  block_ms: float = 0.0
  weight_ms: float = 0.0

  def __call__(self, key: BlockKey, ms: float) -> float:
    if self == NONE:
      return ms
    _, blocks, weights = terms(key, ms)
    total = self.scale * ms + self.block_ms * blocks + self.weight_ms * weights
    return max(total, 0.0)

  def to_json(self) -> dict[str, float]:
    """As a table's provenance holds it."""
    return dataclasses.asdict(self)

  @classmethod
  def read(cls, value: Any, path: str) -> 'Correction':
    """Reads the entry of a provenance; None is no correction."""
    if value is None:
      return NONE
    names = {f.name for f in dataclasses.fields(cls)}
    if not isinstance(value, dict) or not names >= set(value) - {'fitted_on'}:
      raise UserError(f'Latency table {path}: cannot read its correction.')
    numbers = {k: v for k, v in value.items() if k in names}
    if not all(
      isinstance(v, int | float) and abs(v) < 1e6 for v in numbers.values()
    ):
      raise UserError(f'Latency table {path}: its correction is no number.')
    return cls(**numbers)


NONE = Correction()


def terms(key: BlockKey, ms: float) -> tuple[float, float, float]:
  """What the coefficients multiply: time, blocks, millions of weights."""
  rows = block_of(key).layers(io_of(key))
  return ms, 1.0, sum(row.weights for row in rows) / 1e6


def network_terms(
  wanted: Sequence[BlockKey], times: Sequence[float]
) -> tuple[float, ...]:
  """The same of a whole network, summed over its blocks."""
  rows = [terms(key, ms) for key, ms in zip(wanted, times, strict=True)]
  return tuple(map(sum, zip(*rows, strict=True)))
