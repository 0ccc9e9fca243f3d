"""A known network scaled to a latency: what a search must beat."""

import math
from collections.abc import Callable

from mobilenet_jax.arch import ArchSpec

WIDTHS = tuple(i / 40 for i in range(4, 121))  # 0.1 to 3.0 by 0.025
NEAR_ENOUGH = 0.01
USUAL_GROWTH = 1.4  # latency grows with about this power of the width


def scale_to_latency(
  make: Callable[[float], ArchSpec],
  price: Callable[[ArchSpec], float],
  target_ms: float,
) -> tuple[ArchSpec, float]:
  """Returns the network whose price is nearest to the target, and its price.

  Args:
    make: width multiplier to spec; wider is dearer.
    price: milliseconds of a spec; asked of few widths (each is guessed from
      the nearest known one), so it may measure what it does not know.
  """
  low, high = 0, len(WIDTHS) - 1
  index = WIDTHS.index(1.0)
  priced: dict[int, float] = {}
  while low <= high:
    priced[index] = price(make(WIDTHS[index]))
    off = target_ms / priced[index]
    if abs(off - 1) <= NEAR_ENOUGH:
      break
    if off > 1:
      low = index + 1
    else:
      high = index - 1
    guess = WIDTHS[index] * off ** (1 / USUAL_GROWTH)
    nearest = min(range(len(WIDTHS)), key=lambda i: abs(WIDTHS[i] - guess))
    index = min(max(nearest, low), high)
  best = min(priced, key=lambda i: abs(math.log(priced[i] / target_ms)))
  return make(WIDTHS[best]), priced[best]
