"""Times blocks in rounds over all of them, until each is sure enough.

A disturbance of a second then spoils one round of a block, not all of it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mobilenet_jax.core.progress import Progress, say
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
CALM = 1.1  # times the least time of the reference block: slower do not count
SLOW = 1.25  # times its usual time: a round more is tried
WHEN = (
  f'what is timed while the speed changes by more than {STEADY:.0%} is timed '
  f'again, at most {TRIES - 1} times, and rounds count that are within '
  f'{CALM - 1:.0%} of the fastest'
)


class Round(NamedTuple):
  """Repeats of a block, and the reference block's time meanwhile."""

  repeats: list[float]
  reference_ms: float

  def at(self, usual_ms: float) -> list[float]:
    """The repeats as they would be where the reference block takes that."""
    return [ms * usual_ms / self.reference_ms for ms in self.repeats]


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


# times one round of some blocks, by their places
Take = Callable[[Sequence[int]], list[Round]]


def time_in_rounds(
  wanted: Sequence[BlockKey],
  take: Take,
  speed: Speed,
  protocol: Protocol,
  bar: Progress,
) -> dict[BlockKey, Timing]:
  """Times every block, at the usual speed.

  Args:
    take: times some of `wanted`, `GROUP` of them at most, for one round.
  """
  found: list[list[Round]] = [[] for _ in wanted]
  unsure = list(range(len(wanted)))
  for turn in range(protocol.most_rounds):
    for start in range(0, len(unsure), GROUP):
      group = unsure[start : start + GROUP]
      for i, made in zip(group, take(group), strict=True):
        found[i].append(made)
        bar.advance(int(turn == 0), f'timed {wanted[i]}')
    usual = speed.usual_ms or math.inf
    unsure = [i for i in unsure if not sure(calm(found[i]), usual, protocol)]
    if not unsure:
      break
  if unsure:
    share = f'{len(unsure)} of {len(wanted)} blocks'
    say(f'  {share} are not known to {protocol.width:.0%}.')
  return {
    key: timing([r.at(speed.usual_ms or 1.0) for r in calm(rounds)])
    for key, rounds in zip(wanted, found, strict=True)
  }


def calm(rounds: Sequence[Round]) -> list[Round]:
  """The rounds that count: what slows a device does not slow all alike."""
  least = min(r.reference_ms for r in rounds)
  return [r for r in rounds if r.reference_ms <= CALM * least]


def sure(rounds: Sequence[Round], usual_ms: float, protocol: Protocol) -> bool:
  """Whether a block needs no more rounds."""
  least = min(r.reference_ms for r in rounds)
  if len(rounds) < protocol.rounds or least > SLOW * usual_ms:
    return False
  return half_width([r.at(1.0) for r in rounds]) <= protocol.width


def with_stopwatches(
  watches: Sequence[Stopwatch], speed: Speed, seconds: float
) -> Take:
  """What times blocks by stopwatches, one each, for so many seconds.

  It does so near the usual speed, and raises JobError where the device stays
  too slow; it lowers the usual time where the device is faster.
  """

  def take(group: Sequence[int]) -> list[Round]:
    chosen = [watches[i] for i in group]
    taken, ends = steadily(chosen, speed.wait, seconds)
    speed.saw(*ends)
    return [Round(repeats, sum(ends) / 2) for repeats in taken]

  return take


def steadily(
  watches: Sequence[Stopwatch],
  reference: Callable[[float], float],
  seconds: float,
) -> tuple[list[list[float]], tuple[float, float]]:
  """Times one round of some stopwatches while the speed is steady.

  The reference block is timed before and after; where the speed changed in
  between they are timed again, and the steadiest of `TRIES` counts.

  Args:
    reference: of `Speed`, `wait` or `now`.

  Returns:
    The repeats of each, and the reference block's times before and after.
  """
  best, ends, least = [], (1.0, 1.0), math.inf
  before = reference(seconds)
  for _ in range(TRIES):
    taken = [watch(seconds) for watch in watches]
    after = reference(seconds)
    change = abs(after / before - 1)
    if change < least:
      best, ends, least = taken, (before, after), change
    if least < STEADY:
      break
    before = after
  return best, ends
