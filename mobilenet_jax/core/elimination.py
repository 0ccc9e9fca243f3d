"""The least and the greatest of a sum of small arrays that share few axes.

A sum of arrays, each of few of many decisions, is searched exactly by
eliminating one decision after another (dynamic programming), never by
enumerating all choices.
"""

from collections.abc import Sequence

import numpy as np

Factor = tuple[Sequence[int], np.ndarray]  # decisions, one axis each


def extreme(
  factors: Sequence[Factor], *, largest: bool = False
) -> tuple[float, dict[int, int]]:
  """The least value of a sum, and the choice that has it.

  Args:
    factors: what is summed: the decisions that an array is indexed by, and
      the array.
    largest: the greatest value instead.

  Returns:
    The value, and an index for every decision of the factors; of equal ones
    the first.
  """
  best, where = (np.max, np.argmax) if largest else (np.min, np.argmin)
  left = {d for axes, _ in factors for d in axes}
  rest = [(tuple(axes), array) for axes, array in factors]
  trail = []  # (decision, the axes it depends on, its best index)
  while left:
    decision = min(sorted(left), key=lambda d: len(_neighbours(rest, d)))
    left.remove(decision)
    axes, total = add([f for f in rest if decision in f[0]])
    place = axes.index(decision)
    others = tuple(a for a in axes if a != decision)
    rest = [f for f in rest if decision not in f[0]]
    rest.append((others, best(total, axis=place)))
    trail.append((decision, others, where(total, axis=place)))
  choice: dict[int, int] = {}
  for decision, others, chosen in reversed(trail):
    choice[decision] = int(chosen[tuple(choice[a] for a in others)])
  return float(sum(array for _, array in rest)), choice


def add(factors: Sequence[Factor]) -> tuple[tuple[int, ...], np.ndarray]:
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


def _neighbours(factors: Sequence[Factor], decision: int) -> set[int]:
  return {d for axes, _ in factors if decision in axes for d in axes}
