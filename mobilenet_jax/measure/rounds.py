"""Times blocks in rounds over all of them, until each is sure enough.

A disturbance of a second then spoils one round of a block, not all of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mobilenet_jax.core.progress import Progress
from mobilenet_jax.latency.key import BlockKey
from mobilenet_jax.latency.timing import Timing
from mobilenet_jax.measure.speed import Speed, Stopwatch
from mobilenet_jax.measure.statistics import half_width, timing

GROUP = 8  # blocks between two timings of the reference block


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
  most_rounds: int = 6
  width: float = 0.03

  def __str__(self) -> str:
    return (
      f'{self.rounds} to {self.most_rounds} rounds some seconds apart, each '
      f'of a warm-up until stable and {self.round_s * 1e3:g} ms of repeats, '
      f'until half the 95 % interval is within {self.width:.0%}; ms is the '
      'lower quartile of all repeats, at the speed at which the reference '
      'block takes reference_ms'
    )


def time_in_rounds(
  wanted: Sequence[BlockKey],
  watches: Sequence[Stopwatch],
  speed: Speed,
  protocol: Protocol,
  bar: Progress,
) -> dict[BlockKey, Timing]:
  """Times every block with its stopwatch."""
  found: list[list[list[float]]] = [[] for _ in wanted]
  unsure = list(range(len(wanted)))
  for turn in range(protocol.most_rounds):
    drift = 1.0
    for position, i in enumerate(unsure):
      if position % GROUP == 0:
        drift = speed.drift(protocol.round_s)
      found[i].append([ms / drift for ms in watches[i](protocol.round_s)])
      bar.advance(int(turn == 0), f'timed {wanted[i]}')
    if turn + 1 >= protocol.rounds:
      unsure = [i for i in unsure if half_width(found[i]) > protocol.width]
    if not unsure:
      break
  return {
    key: timing(rounds) for key, rounds in zip(wanted, found, strict=True)
  }
