"""The smallest and the largest price of a space, exactly.

A network's price is a sum of small tensors that share few decisions, so its
extremes over all choices come from eliminating one decision after another
(dynamic programming), never from enumerating the space.
"""

from collections.abc import Callable, Sequence

import numpy as np

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.tensors import BlockPrices

Factor = tuple[tuple[int, ...], np.ndarray]  # decisions, one axis each


def price_bounds(tensors: Sequence[BlockPrices]) -> tuple[float, float]:
  """Milliseconds of the cheapest and of the dearest choice vector."""
  return _eliminate(tensors, np.min), _eliminate(tensors, np.max)


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


def _eliminate(
  tensors: Sequence[BlockPrices], best: Callable[..., np.ndarray]
) -> float:
  factors: list[Factor] = [(block.axes, block.ms) for block in tensors]
  left = {d for axes, _ in factors for d in axes}
  while left:
    decision = min(left, key=lambda d: len(_neighbours(factors, d)))
    left.remove(decision)
    touched = [f for f in factors if decision in f[0]]
    axes, total = _add(touched)
    position = axes.index(decision)
    rest = tuple(a for a in axes if a != decision)
    factors = [f for f in factors if decision not in f[0]]
    factors.append((rest, best(total, axis=position)))
  return float(sum(array for _, array in factors))


def _neighbours(factors: Sequence[Factor], decision: int) -> set[int]:
  return {d for axes, _ in factors if decision in axes for d in axes}


def _add(factors: Sequence[Factor]) -> Factor:
  """The sum of factors over the union of their decisions."""
  axes = tuple(dict.fromkeys(d for own, _ in factors for d in own))
  total = np.zeros(())
  for own, array in factors:
    order = sorted(range(len(own)), key=lambda i: axes.index(own[i]))
    shape = [1] * len(axes)
    for i in order:
      shape[axes.index(own[i])] = array.shape[i]
    total = total + array.transpose(order).reshape(shape)
  return axes, total
