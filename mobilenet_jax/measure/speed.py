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
  """The reference block's time, now and at the device's usual speed.

  Attributes:
    usual_ms: its time at the speed that everything is expressed in; set by
      the first timing where it is not given.
  """

  def __init__(self, reference: Stopwatch, usual_ms: float | None = None):
    """Takes the stopwatch of the reference block."""
    self._reference = reference
    self.usual_ms = usual_ms

  def wait(self, seconds: float) -> float:
    """Times the block in milliseconds, once it is near its usual time.

    Raises:
      JobError: it stays too slow.
    """
    for pause in (*PAUSES_S, 0.0):
      ms = self.now(seconds)
      speed = (self.usual_ms or ms) / ms
      if speed > 1 / MOST_DRIFT:
        return ms
      if pause:
        say(
          f'  the device runs at {speed:.2f} of its usual speed; waiting '
          f'{pause:g} s.'
        )
        time.sleep(pause)
    raise JobError(
      f'The device runs at {speed:.2f} of the speed at which the other '
      f'blocks were measured ({self.usual_ms:g} ms for the reference block), '
      f'too far off to be put right. What is measured is kept; run it again '
      'when the device is cool and idle.'
    )

  def now(self, seconds: float) -> float:
    """Times the block, whatever its time is: milliseconds."""
    if self.usual_ms is None:
      first = [self._time(seconds) for _ in range(FIRST_TIMINGS)]
      self.usual_ms = round(min(first), 6)
    return self._time(seconds)

  def saw(self, *timings: float) -> None:
    """Lowers the usual time where all of some timings in a row were faster.

    The first of a table may have fallen into a slow spell.
    """
    if self.usual_ms and max(timings) < self.usual_ms * (1 - STEADY):
      self.usual_ms = round(max(timings), 6)

  def _time(self, seconds: float) -> float:
    return float(np.quantile(self._reference(seconds), PRICED))
