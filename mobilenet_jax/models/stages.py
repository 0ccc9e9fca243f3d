"""Rows of a paper's table to blocks: what several families share."""

from collections.abc import Iterable

from mobilenet_jax.arch import InvertedResidual
from mobilenet_jax.core.rounding import make_divisible

# kernel, expand_ratio, channels, repeats, stride of the first
Row = tuple[int, float, int, int, int]


def inverted_residuals(
  rows: Iterable[Row], width: float = 1.0, **shared
) -> list[InvertedResidual]:
  """Stages of inverted residuals, channels scaled by the width."""
  return [
    InvertedResidual(
      kernel=kernel,
      stride=stride if i == 0 else 1,
      expand_ratio=ratio,
      channels=make_divisible(channels * width),
      **shared,
    )
    for kernel, ratio, channels, repeats, stride in rows
    for i in range(repeats)
  ]
