"""Times blocks in rounds of small groups, the reference block between them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mobilenet_jax.core.errors import JobError
from mobilenet_jax.core.progress import Progress, say
from mobilenet_jax.latency.key import BlockKey
from mobilenet_jax.latency.timing import Timing
from mobilenet_jax.measure.adb.bench import REFERENCE, Bench, Garbage
from mobilenet_jax.measure.instrument import Untimeable
from mobilenet_jax.measure.rounds import Protocol, Round, time_in_rounds
from mobilenet_jax.measure.speed import MOST_DRIFT, Speed
from mobilenet_jax.measure.statistics import PRICED

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
    return time_in_rounds(
      self.wanted, self._steady, self.speed, self.protocol, bar
    )

  def _steady(self, group: Sequence[int]) -> list[Round]:
    """One round of some blocks.

    What the speed does between two timings of the reference block is taken
    for a straight line; where they are too far apart, all is timed again.
    """
    for _ in range(TRIES):
      before = self.speed.wait(self.protocol.round_s)
      runs = self._run(group)
      after = float(np.quantile(runs[REFERENCE], PRICED))
      change = max(after / before, before / after)
      slower = after / (self.speed.usual_ms or after)
      if change < MOST_CHANGE and slower < MOST_DRIFT:
        self.speed.saw(before, after)
        ends = (0, len(group) + 1)
        meanwhile = np.interp(range(1, ends[1]), ends, (before, after))
        pairs = zip(group, meanwhile, strict=True)
        return [Round(runs[str(i)], float(ms)) for i, ms in pairs]
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
      raise Untimeable(block, f'benchmark_model says {error.line}') from error
