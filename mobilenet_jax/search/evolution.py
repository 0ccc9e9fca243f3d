"""Evolution over choice vectors that keep to a latency window.

As Once-for-all (arXiv 1908.09791, section 3.4) does it on its trained network:
in every generation the best are parents, and of the children that replace the
others some are mutated and some are crossed. It goes on as a function of its
seed and of what is evaluated, so that it is resumed by asking again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.search.evidence import Judged, Vector
from mobilenet_jax.space import SearchSpace

EVOLUTION = 3  # random stream of a run's seed
MOST_DRAWS = 20_000  # of the first population
MOST_TRIES = 200  # of a child


@dataclass(frozen=True)
class Settings:
  """Of an evolution; the published sizes are 100 networks and 500 generations.

  Attributes:
    population: networks a generation.
    generations: after the first, which is drawn.
    parents: share of a population that children come from, and that stays.
    mutated: share of the children that are mutated; the others are crossed.
    mutation: how likely each decision of a mutated one is changed.
    seed: of every draw.
  """

  population: int
  generations: int
  parents: float
  mutated: float
  mutation: float
  seed: int

  @property
  def kept(self) -> int:
    """How many parents a generation has."""
    return max(round(self.parents * self.population), 1)

  @property
  def evaluations(self) -> int:
    """How many networks are evaluated, at most."""
    children = max(self.population - self.kept, 1)
    return self.population + self.generations * children


def evolve(
  space: SearchSpace,
  evaluate: Callable[[Vector], Judged],
  fits: Callable[[Vector], bool],
  settings: Settings,
) -> Judged:
  """Returns the most accurate network that was evaluated; all of them fit.

  Raises:
    UserError: no network that fits is found.
  """
  rng = np.random.default_rng([settings.seed, EVOLUTION])
  first = drawn(space, fits, settings.population, rng)
  population = _ranked([evaluate(vector) for vector in first])
  for _ in range(settings.generations):
    parents = population[: settings.kept]
    children = _children(space, parents, fits, settings, rng)
    population = _ranked([*parents, *(evaluate(v) for v in children)])
  return population[0]


def drawn(
  space: SearchSpace,
  fits: Callable[[Vector], bool],
  count: int,
  rng: np.random.Generator,
) -> list[Vector]:
  """Up to `count` distinct random choice vectors that fit; fewer where
  MOST_DRAWS draws hold fewer.

  Raises:
    UserError: there is none.
  """
  found: dict[Vector, None] = {}
  for _ in range(MOST_DRAWS):
    if len(found) == count:
      break
    vector = space.sample(rng)
    if vector not in found and fits(vector):
      found[vector] = None
  if not found:
    raise UserError(
      f'None of {MOST_DRAWS} random networks of {space.spec.name} is within '
      'the latency window; the target is too near the edge of the space, or '
      'the tolerance too small.'
    )
  return list(found)


def _children(
  space: SearchSpace,
  parents: Sequence[Judged],
  fits: Callable[[Vector], bool],
  settings: Settings,
  rng: np.random.Generator,
) -> list[Vector]:
  """New networks that fit; fewer than wanted where tries run out."""
  count = max(settings.population - len(parents), 1)
  mutants = round(settings.mutated * count)
  seen = {parent.vector for parent in parents}
  made: list[Vector] = []

  def parent() -> Vector:
    return parents[int(rng.integers(len(parents)))].vector

  for i in range(count):
    for _ in range(MOST_TRIES):
      if i < mutants:
        child = space.mutate(parent(), rng, settings.mutation)
      else:
        child = space.cross(parent(), parent(), rng)
      if child not in seen and fits(child):
        seen.add(child)
        made.append(child)
        break
  return made


def _ranked(found: Sequence[Judged]) -> list[Judged]:
  """The most accurate first; of equals the faster, then by their vectors."""
  return sorted(found, key=lambda e: (-e.quality, e.ms, e.vector))
