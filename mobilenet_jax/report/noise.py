"""Whether a difference between accuracies is more than chance explains."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

CERTAINTY = 0.95


@dataclass(frozen=True)
class Difference:
  """How far one accuracy lies above others.

  Attributes:
    mean: of the one less the mean of the others, as a share.
    margin: what chance explains in either direction, with a certainty of
      95 %; None where one training each says nothing about it.
  """

  mean: float
  margin: float | None

  @property
  def certain(self) -> bool:
    """Whether it is more than chance explains, up or down."""
    return self.margin is not None and abs(self.mean) > self.margin


def difference(own: Sequence[float], others: Sequence[float]) -> Difference:
  """Student's interval of the difference of two means, pooled variance.

  With one own accuracy it asks whether that could be one more of the others.

  Args:
    own, others: accuracies, of trainings of a network each; or one of a
      network (a mean of its trainings), and of other networks.
  """
  from scipy.stats import t

  mean = statistics.fmean(own) - statistics.fmean(others)
  freedom = len(own) + len(others) - 2
  if freedom < 1:
    return Difference(mean, None)
  squares = sum(
    (value - statistics.fmean(group)) ** 2
    for group in (own, others)
    for value in group
  )
  spread = math.sqrt(squares / freedom * (1 / len(own) + 1 / len(others)))
  return Difference(mean, float(t.ppf((1 + CERTAINTY) / 2, freedom)) * spread)
