"""A search space: an open spec, and the codec between choices and networks."""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from mobilenet_jax.arch import ArchSpec, decisions, resolve, variants


@dataclasses.dataclass(frozen=True)
class SearchSpace:
  """The networks that an open spec can become.

  A choice vector holds one small int a decision, in the order of `tags`.

  Attributes:
    spec: blocks whose fields may hold `OneOf`; checked when made.
  """

  spec: ArchSpec

  def __post_init__(self):
    variants(self.spec)

  @functools.cached_property
  def decisions(self) -> dict[str, int]:
    """Number of choices by tag, in order."""
    return decisions(self.spec)

  @property
  def tags(self) -> tuple[str, ...]:
    """The decisions, in order."""
    return tuple(self.decisions)

  @property
  def size(self) -> int:
    """The number of choice vectors."""
    return math.prod(self.decisions.values())

  def choice(self, vector: Sequence[int]) -> dict[str, int]:
    """A choice vector as index by tag."""
    return {t: int(v) for t, v in zip(self.decisions, vector, strict=True)}

  def vector(self, choice: Mapping[str, int]) -> tuple[int, ...]:
    """Index by tag as a choice vector."""
    return tuple(choice[tag] for tag in self.decisions)

  def decode(self, vector: Sequence[int], name: str | None = None) -> ArchSpec:
    """The network of a choice vector."""
    return resolve(self.spec, self.choice(vector), name)

  def sample(self, rng: np.random.Generator) -> tuple[int, ...]:
    """A choice vector, every decision uniform and independent."""
    return tuple(int(rng.integers(n)) for n in self.decisions.values())

  def mutate(
    self, vector: Sequence[int], rng: np.random.Generator, probability: float
  ) -> tuple[int, ...]:
    """A choice vector with some decisions drawn anew; at least one differs.

    Args:
      probability: of each decision to be changed to another choice.
    """
    sizes = list(self.decisions.values())
    movable = [d for d, n in enumerate(sizes) if n > 1]
    changed = [d for d in movable if rng.random() < probability]
    made = list(vector)
    for d in changed or [movable[int(rng.integers(len(movable)))]]:
      made[d] = (made[d] + 1 + int(rng.integers(sizes[d] - 1))) % sizes[d]
    return tuple(made)

  def cross(
    self, a: Sequence[int], b: Sequence[int], rng: np.random.Generator
  ) -> tuple[int, ...]:
    """A choice vector with every decision from one of two, evenly."""
    mask = rng.random(len(self.tags)) < 0.5
    return tuple(int(x if m else y) for m, x, y in zip(mask, a, b, strict=True))
