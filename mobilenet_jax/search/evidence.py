"""What a search has seen: the front, and what each decision was worth."""

from collections.abc import Sequence
from dataclasses import dataclass

from mobilenet_jax.space import SearchSpace
from mobilenet_jax.space.reach import reach_tensor

Vector = tuple[int, ...]


@dataclass(frozen=True)
class Judged:
  """A network that was judged.

  Attributes:
    ms: its price.
    quality: what it was judged by, higher is better.
  """

  vector: Vector
  ms: float
  quality: float


def front(judged: Sequence[Judged]) -> list[Judged]:
  """Those that no other beats in both price and quality, cheapest first; of
  equals the first."""
  kept: list[Judged] = []
  for one in sorted(judged, key=lambda j: (j.ms, -j.quality)):
    if not kept or one.quality > kept[-1].quality:
      kept.append(one)
  return kept


def neighbours(
  space: SearchSpace, vector: Sequence[int]
) -> list[tuple[str, int, Vector]]:
  """(decision, its index, choice vector) of every network that differs by one
  decision; those that the network does not reach are left out."""
  reach = reach_tensor(space)
  found = []
  for d, (tag, size) in enumerate(space.decisions.items()):
    if not any(reach[d, k, c] for k, c in enumerate(vector)):
      continue
    for index in range(size):
      if index != vector[d]:
        other = (*vector[:d], index, *vector[d + 1 :])
        found.append((tag, index, tuple(int(v) for v in other)))
  return found
