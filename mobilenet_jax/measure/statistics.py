"""What is made of repeats: a price, its spread, how sure it is."""

import math
from collections.abc import Sequence

import numpy as np

from mobilenet_jax.latency.timing import Timing

PRICED = 0.25  # the quantile of the repeats that prices a block
FAR = 5.0  # robust standard deviations above the median: an outlier
FAR_SHARE = 0.2  # and at least so much above it


def timing(rounds: Sequence[Sequence[float]]) -> Timing:
  """The statistics of all repeats of all rounds, in milliseconds."""
  ms = np.concatenate([np.asarray(r) for r in rounds])
  far = outliers(ms)
  kept = ms[~far]
  priced, p10, p50, p90 = np.quantile(ms, [PRICED, 0.1, 0.5, 0.9])
  return Timing(
    ms=_rounded(priced),
    mean_ms=_rounded(kept.mean()),
    std_ms=_rounded(kept.std()),
    p10_ms=_rounded(p10),
    p50_ms=_rounded(p50),
    p90_ms=_rounded(p90),
    n=len(ms),
    outliers=int(far.sum()),
  )


def _rounded(ms: float | np.floating) -> float:
  return round(float(ms), 6)


def outliers(ms: np.ndarray) -> np.ndarray:
  """Which repeats lie far above the others: bool, of the shape of `ms`."""
  median = np.median(ms)
  spread = 1.4826 * np.median(np.abs(ms - median))  # of a normal distribution
  return ms > median + max(FAR * spread, FAR_SHARE * median)


def half_width(rounds: Sequence[Sequence[float]]) -> float:
  """How unsure the price is: half its 95 % interval, relative.

  The larger of two: the interval of the quantile over all repeats (by order
  statistics, whatever their distribution), and half the range of the prices
  that the rounds would give one by one, which sees what changes slowly.
  """
  ms = np.sort(np.concatenate([np.asarray(r) for r in rounds]))
  n = len(ms)
  reach = 1.96 * math.sqrt(n * PRICED * (1 - PRICED))
  low = ms[max(math.floor(n * PRICED - reach), 0)]
  high = ms[min(math.ceil(n * PRICED + reach), n - 1)]
  prices = [np.quantile(r, PRICED) for r in rounds]
  widest = max(high - low, max(prices) - min(prices))
  return float(widest / 2 / np.quantile(ms, PRICED))
