"""What the policies of our own share: a whole vector, proposed from a history.

A study has one categorical parameter a decision of the space, named by its
tag, whose choices are 0 to n - 1; its value is a reward, maximized. (That of
NSGA-II has two values, see `studies.FRONT`.)
"""

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from mobilenet_jax.space import SearchSpace

# a choice vector and its reward
Scored = tuple[tuple[int, ...], float]
Fits = Callable[[tuple[int, ...]], bool]  # whether a choice vector is wanted
MOST_DRAWS = 2_000  # until one is


def distributions(space: SearchSpace) -> dict[str, CategoricalDistribution]:
  """The parameters of a study over a space, by tag."""
  return {
    tag: CategoricalDistribution(tuple(range(n)))
    for tag, n in space.decisions.items()
  }


def vector_of(space: SearchSpace, params: Mapping[str, Any]) -> tuple[int, ...]:
  """The choice vector of a trial's parameters."""
  return tuple(int(params[tag]) for tag in space.tags)


def history(study: Study, space: SearchSpace) -> list[Scored]:
  """The finished trials of a study that have a value, by their numbers; that
  of a pruned one is the last that it reported."""
  states = (TrialState.COMPLETE, TrialState.PRUNED)
  found = []
  for trial in study.get_trials(deepcopy=False, states=states):
    if trial.values:
      found.append((vector_of(space, trial.params), float(trial.values[0])))
  return found


class Policy(BaseSampler, abc.ABC):
  """A sampler that decides everything at once; see `make_policy`."""

  def __init__(
    self, space: SearchSpace, seed: int, number: int, fits: Fits | None = None
  ):
    self.space = space
    self.rng = np.random.default_rng([seed, number])
    self.fits = fits

  def draw(self) -> tuple[int, ...]:
    """A random choice vector that fits; any where MOST_DRAWS hold none."""
    vector = self.space.sample(self.rng)
    for _ in range(MOST_DRAWS if self.fits else 0):
      if self.fits and self.fits(vector):
        break
      vector = self.space.sample(self.rng)
    return vector

  @abc.abstractmethod
  def propose(self, found: Sequence[Scored]) -> tuple[int, ...]:
    """The next choice vector, after the trials that have finished."""

  def infer_relative_search_space(
    self, study: Study, trial: FrozenTrial
  ) -> dict[str, BaseDistribution]:
    """Overrides Optuna's: all decisions belong together."""
    return dict(distributions(self.space))

  def sample_relative(
    self,
    study: Study,
    trial: FrozenTrial,
    search_space: dict[str, BaseDistribution],
  ) -> dict[str, Any]:
    """Overrides Optuna's: the parameters of `propose`."""
    return self.space.choice(self.propose(history(study, self.space)))

  def sample_independent(
    self,
    study: Study,
    trial: FrozenTrial,
    param_name: str,
    param_distribution: BaseDistribution,
  ) -> Any:
    """Overrides Optuna's: there is nothing beside the decisions."""
    raise ValueError(f'{param_name!r} is no decision of the space')


class Random(Policy):
  """Every decision uniform and independent, of what fits; learns nothing."""

  def propose(self, found: Sequence[Scored]) -> tuple[int, ...]:
    """Overrides `Policy`'s."""
    return self.draw()
