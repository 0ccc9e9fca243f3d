"""Times blocks in rounds over all of them, until each is sure enough.

A disturbance of a second then spoils one round of a block, not all of it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mobilenet_jax.core.progress import Progress
from mobilenet_jax.latency.key import BlockKey
from mobilenet_jax.latency.timing import Timing
from mobilenet_jax.measure.speed import (
  REFERENCE,
  STEADY,
  Speed,
  Stopwatch,
)
from mobilenet_jax.measure.statistics import half_width, timing

GROUP = 8  # blocks between two timings of the reference block
TRIES = 4  # of a group during which the speed changes
CALM = 1.1  # times the least drift: rounds of more do not count
WHEN = (
  f'what is timed while the speed changes by more than {STEADY:.0%} is timed '
  f'again, and rounds count whose drift is within {CALM - 1:.0%} of the least'
)


class Round(NamedTuple):
  """Repeats, and how much slower than usual the device was meanwhile."""

  repeats: list[float]
  drift: float

  @property
  def steady(self) -> list[float]:
    """The repeats as they would be at the usual speed."""
    return [ms / self.drift for ms in self.repeats]


@dataclass(frozen=True)
class Protocol:
  """How a block is timed.

  Attributes:
    round_s: seconds of repeats in a round.
    rounds: at least so many, some seconds apart.
    most_rounds: at most so many.
    width: relative half width of the price's 95 % interval that ends it.
  """

  round_s: float = 0.02
  rounds: int = 2
  most_rounds: int = 8
  width: float = 0.03

  def __str__(self) -> str:
    return (
      f'{self.rounds} to {self.most_rounds} rounds some seconds apart, each '
      f'of a warm-up until stable and {self.round_s * 1e3:g} ms of repeats, '
      f'until half the 95 % interval is within {self.width:.0%}; ms is the '
      f'lower quartile of all repeats, at the speed at which {REFERENCE} takes '
      'reference_ms'
    )


def time_in_rounds(
  wanted: Sequence[BlockKey],
  watches: Sequence[Stopwatch],
  speed: Speed,
  protocol: Protocol,
  bar: Progress,
) -> dict[BlockKey, Timing]:
  """Times every block with its stopwatch."""
  found: list[list[Round]] = [[] for _ in wanted]
  unsure = list(range(len(wanted)))
  for turn in range(protocol.most_rounds):
    for start in range(0, len(unsure), GROUP):
      group = unsure[start : start + GROUP]
      taken, drift = steadily(
        [watches[i] for i in group], speed.drift, protocol.round_s
      )
      for i, repeats in zip(group, taken, strict=True):
        found[i].append(Round(repeats, drift))
        bar.advance(int(turn == 0), f'timed {wanted[i]}')
    unsure = [i for i in unsure if not sure(calm(found[i]), protocol)]
    if not unsure:
      break
  return {
    key: timing([r.steady for r in calm(rounds)])
    for key, rounds in zip(wanted, found, strict=True)
  }


def calm(rounds: Sequence[Round]) -> list[Round]:
  """The rounds that count: what slows a device does not slow all alike."""
  least = max(min(r.drift for r in rounds), 1.0)
  return [r for r in rounds if r.drift <= CALM * least]


def sure(rounds: Sequence[Round], protocol: Protocol) -> bool:
  """Whether a block needs no more rounds."""
  if len(rounds) < protocol.rounds:
    return False
  return half_width([r.steady for r in rounds]) <= protocol.width


def steadily(
  watches: Sequence[Stopwatch],
  drift: Callable[[float], float],
  seconds: float,
) -> tuple[list[list[float]], float]:
  """Times one round of some stopwatches while the speed is steady.

  The reference block is timed before and after; where the speed changed in
  between they are timed again, and the steadiest of `TRIES` counts.

  Args:
    drift: of `Speed`, `drift` or `ratio`.

  Returns:
    The repeats of each, and how much slower than usual the device was.
  """
  best, speed, least = [], 1.0, math.inf
  before = drift(seconds)
  for _ in range(TRIES):
    taken = [watch(seconds) for watch in watches]
    after = drift(seconds)
    change = abs(after / before - 1)
    if change < least:
      best, speed, least = taken, (before + after) / 2, change
    if least < STEADY:
      break
    before = after
  return best, speed
