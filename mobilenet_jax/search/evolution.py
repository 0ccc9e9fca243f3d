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
from mobilenet_jax.search.select import MOST_DRAWS, uniform
from mobilenet_jax.space import SearchSpace

EVOLUTION = 3  # random stream of a run's seed
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
  first = first_population(space, fits, settings)
  seen = {space.canonical(vector) for vector in first}
  population = _ranked([evaluate(vector) for vector in first])
  for _ in range(settings.generations):
    parents = population[: settings.kept]
    children = _children(space, parents, fits, settings, rng, seen)
    population = _ranked([*parents, *(evaluate(v) for v in children)])
  return population[0]


def first_population(
  space: SearchSpace, fits: Callable[[Vector], bool], settings: Settings
) -> list[Vector]:
  """Random networks that fit; fewer than wanted where there are too few.

  They begin with those that the found network is compared with, which were
  drawn before the search: a search that has started has a population.

  Raises:
    UserError: there is none.
  """
  found = uniform(space, fits, settings.population, settings.seed)
  if not found:
    raise UserError(
      f'None of {MOST_DRAWS} random networks of {space.spec.name} is within '
      'the latency window; the target is too near the edge of the space, or '
      'the tolerance too small.'
    )
  return found


def _children(
  space: SearchSpace,
  parents: Sequence[Judged],
  fits: Callable[[Vector], bool],
  settings: Settings,
  rng: np.random.Generator,
  seen: set[Vector],
) -> list[Vector]:
  """New networks that fit; fewer than wanted where tries run out.

  Args:
    seen: canonical vectors of all networks so far; the new ones are added.
  """
  count = max(settings.population - len(parents), 1)
  mutants = round(settings.mutated * count)
  made: list[Vector] = []

  def parent() -> Vector:
    return parents[int(rng.integers(len(parents)))].vector

  for i in range(count):
    for attempt in range(MOST_TRIES):
      # parents that are alike have no new children by crossing alone
      if i < mutants or attempt >= MOST_TRIES // 2:
        child = space.mutate(parent(), rng, settings.mutation)
      else:
        child = space.cross(parent(), parent(), rng)
      if fits(child) and (network := space.canonical(child)) not in seen:
        seen.add(network)
        made.append(child)
        break
  return made


def _ranked(found: Sequence[Judged]) -> list[Judged]:
  """The most accurate first; of equals the faster, then by their vectors."""
  return sorted(found, key=lambda e: (-e.quality, e.ms, e.vector))
