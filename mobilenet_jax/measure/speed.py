"""How fast a device is now: a block that is timed again and again.

Clocks rise and fall, chips grow hot, neighbours come and go, and all blocks
of a table should be timed at one speed. So a reference block is timed every
few blocks and what is measured between is put right by its ratio; where that
is too far from 1, the device is given time, and then refused.
"""

import time
from collections.abc import Callable

import numpy as np

from mobilenet_jax.core.errors import JobError
from mobilenet_jax.core.progress import say
from mobilenet_jax.latency.key import BlockKey
from mobilenet_jax.measure.statistics import PRICED

# of usual operations, and too large for the innermost cache: what slows the
# memory slows it, too
REFERENCE = BlockKey('ir', 14, 80, 80, 5, 1, 480, 120, 'hard_swish', 1)
MOST_DRIFT = 1.6
STEADY = 0.05  # two timings of it in a row differ by less
FIRST_TIMINGS = 10  # the fastest of them is the usual time
PAUSES_S = (1.0, 3.0, 10.0, 30.0, 60.0, 60.0)

# times one round of about so many seconds after a warm-up: milliseconds of
# every repeat
Stopwatch = Callable[[float], list[float]]


class Speed:
  """The reference block's time against its usual time.

  Attributes:
    usual_ms: its time at the speed that everything is expressed in; set by
      the first timing where it is not given.
  """

  def __init__(self, reference: Stopwatch, usual_ms: float | None = None):
    """Takes the stopwatch of the reference block."""
    self._reference = reference
    self.usual_ms = usual_ms

  def drift(self, seconds: float) -> float:
    """Times the block: its time now over its usual time (1.1: slower).

    Raises:
      JobError: it stays too far from its usual time.
    """
    found = self.ratio(seconds)
    for pause in PAUSES_S:
      if 1 / MOST_DRIFT < found < MOST_DRIFT:
        return found
      say(
        f'  the device runs at {1 / found:.2f} of its usual speed; waiting '
        f'{pause:g} s.'
      )
      time.sleep(pause)
      found = self.ratio(seconds)
    if 1 / MOST_DRIFT < found < MOST_DRIFT:
      return found
    raise JobError(
      f'The device runs at {1 / found:.2f} of the speed at which the other '
      f'blocks were measured ({self.usual_ms:g} ms for the reference block), '
      f'too far off to be put right. What is measured is kept; run it again '
      'when the device is cool and idle.'
    )

  def ratio(self, seconds: float) -> float:
    """The block's time now over its usual time, whatever it is."""
    if self.usual_ms is None:
      first = [self._now(seconds) for _ in range(FIRST_TIMINGS)]
      self.usual_ms = round(min(first), 6)
    return self._now(seconds) / self.usual_ms

  def _now(self, seconds: float) -> float:
    return float(np.quantile(self._reference(seconds), PRICED))
