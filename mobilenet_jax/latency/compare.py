"""Where two tables disagree, block by block."""

import dataclasses
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.key import BlockKey
from mobilenet_jax.latency.table import LatencyTable


@dataclass(frozen=True)
class Pair:
  """A block of both tables; its key is that of the first."""

  key: BlockKey
  a_ms: float
  b_ms: float

  @property
  def ratio(self) -> float:
    """Of the second table's time over the first's."""
    return self.b_ms / self.a_ms


@dataclass(frozen=True)
class Comparison:
  """Two tables side by side; dtypes may differ.

  Attributes:
    pairs: blocks of both, the largest disagreement with `ratio` first.
    ratio: median of the pairs' ratios.
    only_a, only_b: number of blocks of one table only.
  """

  pairs: tuple[Pair, ...]
  ratio: float
  only_a: int
  only_b: int

  def apart(self, pair: Pair) -> float:
    """How far a pair is from the median ratio: 1.1 is 10 % either way."""
    return math.exp(abs(math.log(pair.ratio / self.ratio)))

  def within(self, share: float) -> float:
    """The share of pairs that are at most so far from the median ratio."""
    near = [self.apart(pair) <= 1 + share for pair in self.pairs]
    return sum(near) / len(near)

  def by_kind(self) -> dict[str, tuple[int, float, float, float]]:
    """By kind of block: pairs, and the 10 %, 50 % and 90 % points of ratio."""
    found = {}
    for kind in sorted({pair.key.kind for pair in self.pairs}):
      ratios = [p.ratio for p in self.pairs if p.key.kind == kind]
      found[kind] = (len(ratios), *_deciles(ratios))
    return found


def compare(a: LatencyTable, b: LatencyTable) -> Comparison:
  """Pairs the blocks of two tables.

  Raises:
    UserError: no block is in both, or one is of blocks and the other of
      operations.
  """
  if a.unit != b.unit:
    raise UserError(
      f'Tables {a.path} and {b.path} do not compare: one is by {a.unit}, the '
      f'other by {b.unit}.'
    )
  one, two = _without_dtype(a), _without_dtype(b)
  shared = [k for k in one if k in two and one[k] > 0 and two[k] > 0]
  if not shared:
    raise UserError(f'Tables {a.path} and {b.path} have no block in common.')
  pairs = [
    Pair(dataclasses.replace(k, dtype=a.dtype), one[k], two[k]) for k in shared
  ]
  ratio = statistics.median(pair.ratio for pair in pairs)
  pairs.sort(key=lambda p: -abs(math.log(p.ratio / ratio)))
  return Comparison(
    tuple(pairs), ratio, len(one.keys() - two.keys()), len(two.keys() - one)
  )


def _without_dtype(table: LatencyTable) -> dict[BlockKey, float]:
  return {
    dataclasses.replace(key, dtype='float32'): timing.ms
    for key, timing in table.rows.items()
  }


def _deciles(values: Sequence[float]) -> tuple[float, float, float]:
  if len(values) == 1:
    return values[0], values[0], values[0]
  tenths = statistics.quantiles(values, n=10, method='inclusive')
  return tenths[0], statistics.median(values), tenths[-1]
