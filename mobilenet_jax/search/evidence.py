"""What a search has seen: the front, and what each decision was worth."""

from collections.abc import Sequence
from dataclasses import dataclass

from mobilenet_jax.space import SearchSpace

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
  """(decision, its index, choice vector) of every other network that differs
  by one decision."""
  own, found = space.canonical(vector), []
  for d, (tag, size) in enumerate(space.decisions.items()):
    for index in range(size):
      other = tuple(map(int, (*vector[:d], index, *vector[d + 1 :])))
      if index != vector[d] and space.canonical(other) != own:
        found.append((tag, index, other))
  return found
