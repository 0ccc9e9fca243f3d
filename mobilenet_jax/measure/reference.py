"""How fast the computer is now: a block that is timed again and again.

Clocks rise and fall and neighbours come and go, and all blocks of a table
should be timed at one speed. So the reference block is timed every few blocks
and what is measured between is put right by its ratio.
"""

import numpy as np

from mobilenet_jax.latency.key import BlockKey
from mobilenet_jax.latency.table import Timing
from mobilenet_jax.measure import host

REFERENCE = BlockKey('ir', 8, 24, 24, 5, 1, 96, 24, 'hard_swish', 1)
MODEL_ROUNDS = 10


class Speed:
  """The reference block's time against its usual time.

  Attributes:
    usual_ms: its time at the speed that everything is expressed in; set by
      the first timing where it is not given.
  """

  def __init__(self, model: bytes, usual_ms: float | None = None):
    """Opens the reference block's TFLite model."""
    self._interpreter = host.open_model(model)
    self.usual_ms = usual_ms

  def drift(self) -> float:
    """Times the block: its time now over its usual time (1.1: slower)."""
    repeats = host.time_round(self._interpreter)
    now = float(np.quantile(repeats, host.PRICED))
    if self.usual_ms is None:
      self.usual_ms = round(now, 6)
    return now / self.usual_ms


def time_beside(model: bytes, speed: Speed) -> tuple[Timing, Timing]:
  """Times a whole model for about a second, the reference block in between.

  Returns:
    Its timing as it is, and as it would be at the usual speed.
  """
  interpreter = host.open_model(model)
  raw: list[float] = []
  steady: list[float] = []
  with host.on_one_core():
    for _ in range(MODEL_ROUNDS):
      drift = speed.drift()
      found = host.time_round(interpreter, 1 / MODEL_ROUNDS)
      raw += found
      steady += [ms / drift for ms in found]
  return host.timing(raw), host.timing(steady)
