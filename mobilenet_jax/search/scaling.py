"""A known network scaled to a latency: what a search must beat."""

import math
import statistics
from collections.abc import Callable, Sequence

from mobilenet_jax.arch import ArchSpec, count
from mobilenet_jax.latency.bounds import in_window

WIDTHS = tuple(i / 40 for i in range(4, 121))  # 0.1 to 3.0 by 0.025
USUAL_GROWTH = 1.4  # latency grows with about this power of the width


def scale_to_latency(
  make: Callable[[float], ArchSpec],
  price: Callable[[ArchSpec], float],
  target_ms: float,
  *,
  near_enough: float = 0.01,
  can_price: Callable[[ArchSpec], bool] = lambda _: True,
  like: Sequence[ArchSpec] = (),
) -> tuple[ArchSpec, float] | None:
  """Returns the network whose price is nearest to the target, and its price;
  None where no width can be priced.

  Args:
    make: width multiplier to spec; wider is dearer.
    price: milliseconds of a spec; asked of few widths (each is guessed from
      the nearest known one), so it may measure what it does not know.
    near_enough: share of the target that it may miss by.
    can_price: whether a spec has a price at all.
    like: networks of the target latency; the first width asked of has about
      their multiply-adds (without any: 1.0).
  """
  widths = [width for width in WIDTHS if can_price(make(width))]
  if not widths:
    return None
  low, high = 0, len(widths) - 1
  macs = [count(spec).macs for spec in like] or [count(make(1.0)).macs]
  wanted = math.exp(statistics.fmean(math.log(m) for m in macs))
  index = min(
    range(len(widths)),
    key=lambda i: abs(math.log(count(make(widths[i])).macs / wanted)),
  )
  priced: dict[int, float] = {}
  while low <= high:
    priced[index] = price(make(widths[index]))
    if in_window(priced[index], target_ms, near_enough):
      break
    off = target_ms / priced[index]
    if off > 1:
      low = index + 1
    else:
      high = index - 1
    guess = _nearest(widths, widths[index] * off ** (1 / USUAL_GROWTH))
    index = min(max(guess, low), high)
  best = min(priced, key=lambda i: abs(math.log(priced[i] / target_ms)))
  return make(widths[best]), priced[best]


def _nearest(widths: Sequence[float], wanted: float) -> int:
  return min(range(len(widths)), key=lambda i: abs(widths[i] - wanted))
