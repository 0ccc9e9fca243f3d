"""The networks of trials, evaluated, and the study told how it went."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from mobilenet_jax.core.errors import DivergedError
from mobilenet_jax.search.proposing import Taken
from mobilenet_jax.search.pruning import Pruned
from mobilenet_jax.search.trial import (
  OF_ONE_PROCESS,
  TWIN,
  Evaluate,
  Report,
  Search,
  Together,
  Vector,
)


@dataclass(frozen=True)
class Ended:
  """How a trial has ended.

  Attributes:
    facts: that are kept with it.
  """

  state: TrialState
  values: Sequence[float] | None
  facts: Mapping[str, Any]


def evaluate(
  search: Search, group: Sequence[tuple[Taken, Vector]]
) -> list[Ended]:
  """Evaluates the networks of trials, in their order."""
  if not group:
    return []
  began = time.monotonic()
  found = _found(search, group)
  seconds = round((time.monotonic() - began) / len(group), 2)
  rows = []
  for (trial, vector), one in zip(group, found, strict=True):
    latency = float(search.price(vector))
    rows.append(_ended(search, trial, latency, seconds, one))
  return rows


def tell(trial: Taken, ended: Ended) -> bool:
  """Ends a trial; false where another process has, which took it for lost."""
  study, storage, key = trial.study, trial.storage, trial.key
  try:
    for name, value in ended.facts.items():
      storage.set_trial_user_attr(key, name, value)
    study.sampler.after_trial(study, trial.frozen, ended.state, ended.values)
    storage.set_trial_state_values(key, ended.state, ended.values)
  except UpdateFinishedTrialError:
    return False
  return True


def copy(trial: Taken, known: FrozenTrial) -> bool:
  """Ends a trial as the one of the same network has ended; see `tell`."""
  facts = {
    name: value
    for name, value in known.user_attrs.items()
    if name not in OF_ONE_PROCESS
  }
  try:
    for step, value in known.intermediate_values.items():
      trial.storage.set_trial_intermediate_value(trial.key, step, value)
  except UpdateFinishedTrialError:
    return False
  facts[TWIN] = known.number
  return tell(trial, Ended(known.state, known.values, facts))


def _found(
  search: Search, group: Sequence[tuple[Taken, Vector]]
) -> Sequence[Mapping[str, Any] | Exception]:
  """What was found out of each network, or what has ended it."""
  if isinstance(search.evaluate, Together):
    vectors = [vector for _, vector in group]
    numbers = [trial.number for trial, _ in group]
    return search.evaluate.evaluate(vectors, numbers)
  return [_alone(search, search.evaluate, *one) for one in group]


def _alone(
  search: Search, function: Evaluate, trial: Taken, vector: Vector
) -> Mapping[str, Any] | Exception:
  try:
    return function(vector, trial.number, _reporter(search, trial, vector))
  except (Pruned, DivergedError) as error:
    return error


def _reporter(search: Search, trial: Taken, vector: Vector) -> Report:
  """What an evaluation tells its learning curve to."""
  if not search.pruner:
    return lambda step, quality: None
  asked = optuna.trial.Trial(trial.study, trial.key)
  reported = trial.frozen.intermediate_values
  latency = float(search.price(vector))

  def report(step: int, quality: float) -> None:
    if step not in reported:  # by a process that has died
      asked.report(search.reward(quality, latency), step)
    if asked.should_prune():
      raise Pruned

  return report


def _ended(
  search: Search,
  trial: Taken,
  latency: float,
  seconds: float,
  found: Mapping[str, Any] | Exception,
) -> Ended:
  facts: dict[str, Any] = {'latency_ms': latency, 'seconds': seconds}
  if isinstance(found, Pruned):
    curve = trial.frozen.intermediate_values
    return Ended(TrialState.PRUNED, [curve[max(curve)]], facts)
  if isinstance(found, Exception):
    return Ended(TrialState.FAIL, None, {**facts, 'error': str(found)})
  quality = float(found['accuracy'])
  facts |= {**found, 'reward': search.reward(quality, latency)}
  values = search.values(quality, latency)
  return Ended(TrialState.COMPLETE, values, facts)
