"""Who proposes the next network of a multi-trial search, by name."""

from dataclasses import dataclass

from optuna.samplers import BaseSampler

from mobilenet_jax.core.errors import UserError, did_you_mean
from mobilenet_jax.search.policies.base import (
  Fits,
  Policy,
  Random,
  distributions,
)
from mobilenet_jax.search.policies.evolution import Evolution
from mobilenet_jax.search.policies.gradient import PolicyGradient
from mobilenet_jax.search.policies.library import nsga2, tpe
from mobilenet_jax.space import SearchSpace

POLICIES = ('random', 'evolution', 'policy_gradient', 'nsga2', 'tpe')
OF_A_FRONT = ('nsga2',)  # their study has two objectives, not the reward


@dataclass(frozen=True)
class Settings:
  """Of the policies; each reads its own.

  Attributes:
    population: networks that evolution and NSGA-II keep.
    tournament: of how many of them evolution takes the best as a parent.
    mutations: decisions that evolution changes in it, on average.
    batch: trials that the policy gradient learns from at once.
    learning_rate: of the policy gradient.
  """

  population: int = 12
  tournament: int = 6
  mutations: float = 1.5
  batch: int = 4
  learning_rate: float = 0.15


def check_policy(name: str) -> None:
  """Raises `UserError` for an unknown name, with the nearest one."""
  if name not in POLICIES:
    raise UserError(f'Unknown policy {name!r}.{did_you_mean(name, POLICIES)}')


def make_policy(
  name: str,
  space: SearchSpace,
  seed: int,
  number: int,
  settings: Settings | None = None,
  fits: Fits | None = None,
) -> BaseSampler:
  """Returns the sampler of one trial.

  It is made afresh for every trial: what it has learnt it reads from the
  finished trials of the study, in the order of their numbers, and its draws
  come from a generator of (seed, number). So a process may die at any time,
  and another that has the same finished trials proposes the same.

  Args:
    name: one of POLICIES.
    space: whose decisions are the parameters of the study, see `distributions`.
    seed: of the search.
    number: of the trial.
    fits: which networks are worth a trial. What 'random' draws does, and the
      first population of 'evolution'; the others must learn it.

  Raises:
    UserError: an unknown name.
  """
  check_policy(name)
  s = settings or Settings()
  if name == 'random':
    return Random(space, seed, number, fits)
  if name == 'evolution':
    return Evolution(
      space, seed, number, s.population, s.tournament, s.mutations, fits
    )
  if name == 'policy_gradient':
    return PolicyGradient(space, seed, number, s.batch, s.learning_rate)
  if name == 'nsga2':
    return nsga2(seed, number, s.population)
  return tpe(seed, number)


__all__ = [
  'OF_A_FRONT',
  'POLICIES',
  'Policy',
  'Settings',
  'check_policy',
  'distributions',
  'make_policy',
]
