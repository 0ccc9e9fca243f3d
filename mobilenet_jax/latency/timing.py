"""How long blocks and networks take, in milliseconds."""

import dataclasses
from dataclasses import dataclass

from mobilenet_jax.latency.key import BlockKey


@dataclass(frozen=True)
class Timing:
  """How long a block takes.

  Attributes:
    ms: what prices it; which statistic that is, the provenance's protocol
      says.
    mean_ms, std_ms: of the repeats without outliers; None where unknown.
    p10_ms, p50_ms, p90_ms: quantiles of all repeats; None where unknown.
    n: number of repeats; 0 where the block was not timed itself.
    outliers: how many of them lie far above the others.
  """

  ms: float
  mean_ms: float | None = None
  std_ms: float | None = None
  p10_ms: float | None = None
  p50_ms: float | None = None
  p90_ms: float | None = None
  n: int = 0
  outliers: int = 0

  def times(self, factor: float) -> 'Timing':
    """The same block on a device so much slower."""
    scaled = {
      field.name: round(getattr(self, field.name) * factor, 6)
      for field in dataclasses.fields(self)
      if field.name.endswith('ms') and getattr(self, field.name) is not None
    }
    return dataclasses.replace(self, **scaled)


@dataclass(frozen=True)
class Latency:
  """A network's latency.

  Attributes:
    ms: the sum over its blocks.
    lower, upper: two standard deviations either side: those of the blocks,
      independent, and that of whole networks.
    missing: blocks that the table does not have and that were interpolated.
  """

  ms: float
  lower: float
  upper: float
  missing: tuple[BlockKey, ...] = ()
