"""One trial of a multi-trial search: proposed, evaluated, told."""

import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from mobilenet_jax.core.errors import DivergedError
from mobilenet_jax.search.heartbeat import beating
from mobilenet_jax.search.policies import Settings, distributions, make_policy
from mobilenet_jax.search.policies.base import vector_of
from mobilenet_jax.search.pruning import Pruned, make_pruner
from mobilenet_jax.space import SearchSpace

FIXED = 'fixed_params'  # Optuna's own name for parameters settled beforehand
OF_ONE_PROCESS = ('worker', 'seconds', 'lost')  # attributes, not of a network

# (step, quality): raises `Pruned` where a network is not worth going on with
Report = Callable[[int, float], None]
# (choice vector, number of the trial, report) -> 'accuracy' and what else of
# numbers and words is to be kept; raises DivergedError where a network fails
Reward = Callable[[float, float], float]  # (quality, latency in ms)
Evaluate = Callable[[tuple[int, ...], int, Report], Mapping[str, Any]]


@dataclass(frozen=True)
class Search:
  """What is searched for, the same for every process.

  Attributes:
    space: of the networks.
    policy: who proposes, see `policies.POLICIES`.
    seed: of all proposals.
    budget: networks to be evaluated, by all processes together.
    evaluate: trains a network and gives its quality.
    price: milliseconds of a choice vector.
    reward: of quality and latency, maximized.
    settings: of the policy.
    pruner: who stops poor networks early, see `pruning.PRUNERS`; '' nobody.
  """

  space: SearchSpace
  policy: str
  seed: int
  budget: int
  evaluate: Evaluate
  price: Callable[[Sequence[int]], float]
  reward: Reward
  settings: Settings = dataclasses.field(default_factory=Settings)
  pruner: str = ''

  @functools.cached_property
  def networks(self) -> Callable[[tuple[int, ...]], Hashable]:
    """What two vectors of the same network have in common."""
    return functools.lru_cache(maxsize=None)(self.space.decode)


def is_evaluated(trial: FrozenTrial) -> bool:
  """Whether a trial has cost an evaluation of the budget."""
  spared = 'duplicate_of' in trial.user_attrs or 'surplus' in trial.user_attrs
  return trial.state.is_finished() and not spared


def carry_out(
  search: Search, storage: BaseStorage, name: str, number: int, worker: str
) -> bool:
  """Proposes, evaluates and tells a trial that was taken; whether it is this
  process that has finished it."""
  sampler = make_policy(
    search.policy, search.space, search.seed, number, search.settings
  )
  study = optuna.load_study(
    study_name=name, storage=storage, sampler=sampler,
    pruner=make_pruner(search.pruner),
  )  # fmt: skip
  key = key_of(storage, study, number)
  with beating(storage, key):
    try:
      vector = _settled(search, study, storage, number)
      known = _known(search, study, vector, number)
      if known is not None:
        return _copy(study, storage, key, known)
      return _evaluated(search, study, storage, key, vector)
    except UpdateFinishedTrialError:
      return False  # taken for lost, and finished by another process
    except BaseException:
      release(storage, key, worker)
      raise


def _settled(
  search: Search, study: optuna.Study, storage: BaseStorage, number: int
) -> tuple[int, ...]:
  """The choice vector of a trial: proposed, or as it was proposed before."""
  key = key_of(storage, study, number)
  frozen = storage.get_trial(key)
  params = frozen.system_attrs.get(FIXED)
  if params is None:
    params = proposal(search.space, study, frozen)
    storage.set_trial_system_attr(key, FIXED, params)
  trial = optuna.trial.Trial(study, key)
  for tag, distribution in distributions(search.space).items():
    trial.suggest_categorical(tag, distribution.choices)
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


def _known(
  search: Search, study: optuna.Study, vector: tuple[int, ...], number: int
) -> FrozenTrial | None:
  """The trial that has evaluated the same network, if one has."""
  network = search.networks(vector)
  for trial in study.get_trials(deepcopy=False):
    if trial.number != number and is_evaluated(trial) and trial.params:
      other = vector_of(search.space, trial.params)
      if search.networks(other) == network:
        return trial
  return None


def _copy(
  study: optuna.Study, storage: BaseStorage, key: int, known: FrozenTrial
) -> bool:
  """Ends a trial as the one of the same network has ended."""
  for name, value in known.user_attrs.items():
    if name not in OF_ONE_PROCESS:
      storage.set_trial_user_attr(key, name, value)
  for step, value in known.intermediate_values.items():
    storage.set_trial_intermediate_value(key, step, value)
  storage.set_trial_user_attr(key, 'duplicate_of', known.number)
  return _tell(study, storage, key, known.state, known.values)


def _evaluated(
  search: Search,
  study: optuna.Study,
  storage: BaseStorage,
  key: int,
  vector: tuple[int, ...],
) -> bool:
  """Evaluates the network of a trial and tells how it went."""
  began = time.monotonic()
  latency = float(search.price(vector))
  trial = optuna.trial.Trial(study, key)
  reported = trial.storage.get_trial(key).intermediate_values

  def report(step: int, quality: float) -> None:
    if step not in reported:  # by a process that has died
      trial.report(search.reward(quality, latency), step)
    if search.pruner and trial.should_prune():
      raise Pruned

  facts: dict[str, Any] = {'latency_ms': latency}
  state, values = TrialState.COMPLETE, None
  try:
    facts |= search.evaluate(vector, trial.number, report)
    values = [search.reward(float(facts['accuracy']), latency)]
  except Pruned:
    state = TrialState.PRUNED
    found = storage.get_trial(key).intermediate_values
    values = [found[max(found)]]
  except DivergedError as error:
    state, facts['error'] = TrialState.FAIL, str(error)
  facts['seconds'] = round(time.monotonic() - began, 2)
  for name, value in facts.items():
    storage.set_trial_user_attr(key, name, value)
  return _tell(study, storage, key, state, values)


def _tell(
  study: optuna.Study,
  storage: BaseStorage,
  key: int,
  state: TrialState,
  values: Sequence[float] | None,
) -> bool:
  study.sampler.after_trial(study, storage.get_trial(key), state, values)
  storage.set_trial_state_values(key, state, values)
  return True


def key_of(storage: BaseStorage, study: optuna.Study, number: int) -> int:
  """The key of a trial in the storage."""
  study_id = storage.get_study_id_from_name(study.study_name)
  return storage.get_trial_id_from_study_id_trial_number(study_id, number)


def release(storage: BaseStorage, key: int, worker: str) -> None:
  """Lets a trial of a worker wait for the next process, with what it has."""
  if storage.get_trial(key).user_attrs.get('worker') != worker:
    return  # taken for lost, and begun by another
  with contextlib.suppress(UpdateFinishedTrialError):
    storage.set_trial_state_values(key, TrialState.WAITING)
