"""The smallest and the largest price of a space, and the window of a target."""

from collections.abc import Sequence

from mobilenet_jax.core.elimination import extreme
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.tensors import BlockPrices


def price_bounds(tensors: Sequence[BlockPrices]) -> tuple[float, float]:
  """Milliseconds of the cheapest and of the dearest choice vector."""
  factors = [(block.axes, block.ms) for block in tensors]
  return extreme(factors)[0], extreme(factors, largest=True)[0]


def in_window(ms: float, target_ms: float, tolerance: float) -> bool:
  """Whether a latency is target_ms +- tolerance, which is relative."""
  return abs(ms / target_ms - 1) <= tolerance


def check_target(
  target_ms: float, tensors: Sequence[BlockPrices]
) -> tuple[float, float]:
  """Returns the bounds of a space.

  Raises:
    UserError: the target lies outside; both bounds are named.
  """
  low, high = price_bounds(tensors)
  if not low <= target_ms <= high:
    raise UserError(
      f'The target of {target_ms:g} ms is out of reach: the networks of this '
      f'space take {low:.3f} to {high:.3f} ms.'
    )
  return low, high
