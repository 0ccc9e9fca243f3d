"""Optuna's own samplers, made afresh for every trial."""

import numpy as np
from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial


def tpe(seed: int, number: int) -> BaseSampler:
  """The tree-structured Parzen estimator (Bergstra et al., 2011), of one
  density for all decisions at once; random for the first ten trials."""
  return TPESampler(multivariate=True, seed=_seed(seed, number))


def nsga2(seed: int, number: int, population: int) -> BaseSampler:
  """NSGA-II (Deb et al., 2002): generations, crossover and mutation; parents
  are sorted by fronts of accuracy and latency, and by how alone they are on
  theirs."""
  return _Nsga2(population_size=population, seed=_seed(seed, number))


class _Nsga2(NSGAIISampler):
  """NSGA-II whose parents come in one order.

  Optuna's own come in that of their selection for the trial that begins a
  generation, and by their numbers for all after it; a trial that is taken up
  again must get what it got the first time.
  """

  def get_parent_population(
    self, study: Study, generation: int
  ) -> list[FrozenTrial]:
    """Overrides Optuna's."""
    parents = super().get_parent_population(study, generation)
    return sorted(parents, key=lambda trial: trial.number)


def _seed(seed: int, number: int) -> int:
  """One number of 32 bits, as Optuna wants it."""
  return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
