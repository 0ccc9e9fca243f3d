"""Regularized evolution: tournaments in a population that ages.

Real et al., Regularized Evolution for Image Classifier Architecture Search
(arXiv 1802.01548), section 3: of a random sample of the population the best
becomes a parent, a mutation of it the child, and the oldest dies, however good
it is.

Differences from the paper: a mutation may change more than one decision, so
that it can cross a valley in a space with few operations; a child is never its
parent again (a decision that the network does not reach changes nothing).
"""

from collections.abc import Sequence

from mobilenet_jax.search.policies.base import Fits, Policy, Scored
from mobilenet_jax.space import SearchSpace

MOST_TRIES = 20  # until a mutation changes the network


class Evolution(Policy):
  """Learns from the last `population` trials; the first as many are random."""

  def __init__(
    self,
    space: SearchSpace,
    seed: int,
    number: int,
    population: int,
    tournament: int,
    mutations: float,
    fits: Fits | None = None,
  ):
    super().__init__(space, seed, number, fits)
    self.population = population
    self.tournament = min(tournament, population)
    self.probability = min(mutations / max(len(space.tags), 1), 1.0)

  def propose(self, found: Sequence[Scored]) -> tuple[int, ...]:
    """Overrides `Policy`'s."""
    if len(found) < self.population:
      return self.draw()
    alive = found[-self.population :]
    drawn = self.rng.choice(len(alive), self.tournament, replace=False)
    # of equals the youngest
    parent, _ = max((alive[i] for i in sorted(drawn)[::-1]), key=lambda s: s[1])
    network = self.space.canonical(parent)
    child = parent
    for _ in range(MOST_TRIES):
      child = self.space.mutate(parent, self.rng, self.probability)
      if self.space.canonical(child) != network:
        break
    return child
