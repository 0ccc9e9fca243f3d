"""What a multi-trial search is, and what a trial of its study is to it."""

import contextlib
import functools
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from mobilenet_jax.core.errors import DivergedError
from mobilenet_jax.space import SearchSpace

OF_ONE_PROCESS = ('worker', 'seconds', 'lost')  # attributes, not of a network
TWIN = 'duplicate_of'  # attribute: number of the trial of the same network

Vector = tuple[int, ...]
# (step, quality): raises `Pruned` where a network is not worth going on with
Report = Callable[[int, float], None]
Reward = Callable[[float, float], float]  # (quality, latency in ms)
# (choice vector, number of the trial, report) -> 'accuracy' and what else of
# numbers and words is to be kept; raises DivergedError where a network fails
Evaluate = Callable[[Vector, int, Report], Mapping[str, Any]]
# the same of several at once, in their order; of one that fails the error
EvaluateAll = Callable[
  [Sequence[Vector], Sequence[int]], Sequence[Mapping[str, Any] | DivergedError]
]


@dataclass(frozen=True)
class Together:
  """Evaluates up to `size` networks at once, none of which is pruned."""

  size: int
  evaluate: EvaluateAll


@dataclass(frozen=True)
class Search:
  """What is searched for, the same for every process.

  Attributes:
    space: of the networks.
    sampler: who proposes a trial, by its number; see `policies.make_policy`.
    budget: networks to be evaluated, by all processes together.
    evaluate: trains a network, or several, and gives their quality.
    price: milliseconds of a choice vector.
    reward: of quality and latency; the best network has the highest.
    pruner: who stops poor networks early, see `pruning.PRUNERS`; '' nobody.
    front: whether the study has two objectives, accuracy up and latency down,
      in the place of the reward.
  """

  space: SearchSpace
  sampler: Callable[[int], BaseSampler]
  budget: int
  evaluate: Evaluate | Together
  price: Callable[[Sequence[int]], float]
  reward: Reward
  pruner: str = ''
  front: bool = False

  @functools.cached_property
  def networks(self) -> Callable[[Vector], Hashable]:
    """What two vectors of the same network have in common."""
    return functools.lru_cache(maxsize=None)(self.space.decode)

  @property
  def at_once(self) -> int:
    """How many networks are evaluated at once."""
    return self.evaluate.size if isinstance(self.evaluate, Together) else 1

  def values(self, quality: float, latency_ms: float) -> list[float]:
    """What the study is told of a network."""
    if self.front:
      return [quality, latency_ms]
    return [self.reward(quality, latency_ms)]


def is_counted(trial: FrozenTrial) -> bool:
  """Whether a trial has cost an evaluation of the budget, or may come to."""
  return TWIN not in trial.user_attrs and 'surplus' not in trial.user_attrs


def is_evaluated(trial: FrozenTrial) -> bool:
  """Whether a trial has cost an evaluation of the budget."""
  return trial.state.is_finished() and is_counted(trial)


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
