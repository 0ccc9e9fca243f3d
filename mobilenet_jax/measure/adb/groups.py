"""Times blocks in rounds of small groups, the reference block between them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mobilenet_jax.core.errors import JobError
from mobilenet_jax.core.progress import Progress, say
from mobilenet_jax.latency.key import BlockKey
from mobilenet_jax.latency.timing import Timing
from mobilenet_jax.measure.adb.bench import REFERENCE, Bench, Garbage
from mobilenet_jax.measure.rounds import GROUP, Protocol
from mobilenet_jax.measure.speed import MOST_DRIFT, Speed
from mobilenet_jax.measure.statistics import PRICED, half_width, timing

MOST_CHANGE = 1.2  # of the speed while a group is timed
TRIES = 5


@dataclass(frozen=True)
class Groups:
  """Blocks on a phone, the i-th under the name i.

  Attributes:
    wanted: the blocks.
    bench: where they lie.
    speed: how fast the phone is.
    protocol: how a block is timed.
    cool: waits until the phone is fit.
  """

  wanted: Sequence[BlockKey]
  bench: Bench
  speed: Speed
  protocol: Protocol
  cool: Callable[[], None]

  def time(self, bar: Progress) -> dict[BlockKey, Timing]:
    """Times all, until each is sure enough.

    Raises:
      JobError: the phone is lost or too unsteady, or gives no timings.
    """
    found: list[list[list[float]]] = [[] for _ in self.wanted]
    unsure = list(range(len(self.wanted)))
    for turn in range(self.protocol.most_rounds):
      for start in range(0, len(unsure), GROUP):
        group = unsure[start : start + GROUP]
        for i, repeats in zip(group, self._steady(group), strict=True):
          found[i].append(repeats)
          bar.advance(int(turn == 0), f'timed {self.wanted[i]}')
      if turn + 1 >= self.protocol.rounds:
        width = self.protocol.width
        unsure = [i for i in unsure if half_width(found[i]) > width]
      if not unsure:
        break
    pairs = zip(self.wanted, found, strict=True)
    return {key: timing(rounds) for key, rounds in pairs}

  def _steady(self, group: Sequence[int]) -> list[list[float]]:
    """The repeats of some blocks, at the usual speed.

    What the speed does between two timings of the reference block is taken
    for a straight line; where they are too far apart, all is timed again.
    """
    for _ in range(TRIES):
      before = self.speed.drift(self.protocol.round_s)
      runs = self._run(group)
      now = float(np.quantile(runs[REFERENCE], PRICED))
      after = now / (self.speed.usual_ms or now)
      change = max(after / before, before / after)
      if change < MOST_CHANGE and 1 / MOST_DRIFT < after < MOST_DRIFT:
        ends = (0, len(group) + 1)
        places = range(1, len(group) + 1)
        drifts = np.interp(places, ends, (before, after))
        pairs = zip(group, drifts, strict=True)
        return [[ms / d for ms in runs[str(i)]] for i, d in pairs]
      say(f'  the speed of the phone changed {change:.2f} times; once more.')
      self.cool()
    raise JobError(
      'The phone changes its speed all the time; close its apps, let it cool '
      'and run it again: what is measured is kept.'
    )

  def _run(self, group: Sequence[int]) -> dict[str, list[float]]:
    try:
      return self.bench.run([str(i) for i in group])
    except Garbage as error:
      if error.name == REFERENCE:
        raise
      block = self.wanted[int(error.name)]
      raise JobError(
        f'benchmark_model gives no timing of "{block}": {error.line}.'
      ) from error
