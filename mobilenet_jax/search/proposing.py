"""The network of a trial: proposed once, and whether it is known already."""

from dataclasses import dataclass

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from mobilenet_jax.search.policies import distributions
from mobilenet_jax.search.policies.base import vector_of
from mobilenet_jax.search.pruning import make_pruner
from mobilenet_jax.search.trial import (
  Search,
  Vector,
  is_counted,
  is_evaluated,
  key_of,
)
from mobilenet_jax.space import SearchSpace

FIXED = 'fixed_params'  # Optuna's own name for parameters settled beforehand


@dataclass(frozen=True)
class Taken:
  """A trial that is this process's.

  Attributes:
    study: with the trial's own sampler.
    key: of the trial in the storage.
  """

  study: optuna.Study
  storage: BaseStorage
  number: int
  key: int

  @property
  def frozen(self) -> FrozenTrial:
    """As it is stored now."""
    return self.storage.get_trial(self.key)


def begun(
  search: Search, storage: BaseStorage, name: str, number: int
) -> Taken:
  """A trial that was taken, with what proposes its network."""
  study = optuna.load_study(
    study_name=name,
    storage=storage,
    sampler=search.sampler(number),
    pruner=make_pruner(search.pruner),
  )
  return Taken(study, storage, number, key_of(storage, study, number))


def settled(search: Search, trial: Taken) -> Vector:
  """The choice vector of a trial: proposed, or as it was proposed before."""
  frozen = trial.frozen
  params = frozen.system_attrs.get(FIXED)
  if params is None:
    params = proposal(search.space, trial.study, frozen)
    trial.storage.set_trial_system_attr(trial.key, FIXED, params)
  asked = optuna.trial.Trial(trial.study, trial.key)
  for tag, distribution in distributions(search.space).items():
    asked.suggest_categorical(tag, distribution.choices)
  return vector_of(search.space, params)


def proposal(
  space: SearchSpace, study: optuna.Study, trial: FrozenTrial
) -> dict[str, int]:
  """What the study's sampler proposes for a trial, all of it drawn before
  anything is stored: half a trial would be drawn differently again."""
  sampler = study.sampler
  sampler.before_trial(study, trial)
  joint = sampler.infer_relative_search_space(study, trial)
  params = dict(sampler.sample_relative(study, trial, joint))
  for tag, distribution in distributions(space).items():
    if tag not in params:
      params[tag] = sampler.sample_independent(study, trial, tag, distribution)
  return {tag: int(params[tag]) for tag in space.tags}


def twin_of(search: Search, trial: Taken, vector: Vector) -> FrozenTrial | None:
  """The trial of the same network that has been evaluated, else an earlier one
  that is being evaluated, if there is one."""
  network = search.networks(vector)
  pending = None
  for other in trial.study.get_trials(deepcopy=False):
    params = other.system_attrs.get(FIXED)
    if other.number == trial.number or params is None or not is_counted(other):
      continue
    if search.networks(vector_of(search.space, params)) != network:
      continue
    if is_evaluated(other):
      return other
    # of two that are proposed at the same time the later one waits
    if pending is None and other.number < trial.number:
      pending = other
  return pending
