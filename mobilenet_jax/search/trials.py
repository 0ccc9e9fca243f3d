"""A multi-trial search: networks proposed, evaluated and told, one by one.

A study of Optuna's holds the trials; many processes may work on it. A trial is
taken by a change of its state from WAITING to RUNNING, which one process alone
can make; while it runs it has a heartbeat. One whose process has died goes back
to WAITING, under its number and with its parameters, so that whoever takes it
next does what would have been done: nothing is lost, nothing counted twice.
"""

import time
from collections.abc import Callable, Sequence

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from mobilenet_jax.search.heartbeat import beat, return_lost
from mobilenet_jax.search.trial import (
  Search,
  carry_out,
  is_evaluated,
  key_of,
  release,
)

MOST_PER_BUDGET = 4  # trials, known networks among them; then a search ends
POLL_S = 0.5


def work(
  search: Search,
  storage: BaseStorage,
  name: str,
  worker: str = 'main',
  told: Callable[[FrozenTrial, int], None] = lambda trial, done: None,
) -> int:
  """Works on a study until the budget is met, by whomever.

  Args:
    search: what is wanted.
    storage: of `storage.open_storage`, or Optuna's InMemoryStorage.
    name: of the study, which exists (see `studies.join`).
    worker: name of this process. What an earlier process of the same name has
      begun and not finished is taken up at once.
    told: called with each trial that this process has finished, and how many
      networks of the budget are evaluated.

  Returns:
    The number of trials that this process has finished.
  """
  _take_back(storage, name, worker)
  finished = 0
  while True:
    study = optuna.load_study(study_name=name, storage=storage)
    return_lost(study, storage)
    trials = study.get_trials(deepcopy=False)
    if met(search, trials):
      return finished
    number = _take(search, study, storage, trials, worker)
    if number is None:  # others are at work on the last ones
      time.sleep(POLL_S)
      continue
    if carry_out(search, storage, name, number, worker):
      finished += 1
      trials = study.get_trials(deepcopy=False)
      told(trials[number], sum(map(is_evaluated, trials)))


def met(search: Search, trials: Sequence[FrozenTrial]) -> bool:
  """Whether a search is over: the budget is spent, or proposals are so often
  known networks that it would have no end."""
  done = sum(map(is_evaluated, trials)) >= search.budget
  most = MOST_PER_BUDGET * search.budget
  ended = [t for t in trials if t.state.is_finished()]
  return done or len(ended) >= most


def _take_back(storage: BaseStorage, name: str, worker: str) -> None:
  """Frees what this worker had begun before it died."""
  study = optuna.load_study(study_name=name, storage=storage)
  for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
    if trial.user_attrs.get('worker') == worker:
      release(storage, key_of(storage, study, trial.number), worker)


def _take(
  search: Search,
  study: optuna.Study,
  storage: BaseStorage,
  trials: Sequence[FrozenTrial],
  worker: str,
) -> int | None:
  """The number of a trial that is now this process's; None where there is
  nothing to be begun, or another process was faster."""
  waiting = [t.number for t in trials if t.state == TrialState.WAITING]
  if waiting:
    number, key = waiting[0], key_of(storage, study, waiting[0])
  elif _counted(trials) < search.budget:
    number, key = _new(storage, study, worker)
  else:
    return None
  beat(storage, key)  # it never runs without one
  try:
    mine = storage.set_trial_state_values(key, TrialState.RUNNING)
  except UpdateFinishedTrialError:
    return None
  if not mine:
    return None
  storage.set_trial_user_attr(key, 'worker', worker)
  earlier = study.get_trials(deepcopy=False)[:number]
  if _counted(earlier) >= search.budget:
    # two processes have begun the last one at the same time
    storage.set_trial_user_attr(key, 'surplus', True)
    storage.set_trial_state_values(key, TrialState.FAIL)
    return None
  return number


def _counted(trials: Sequence[FrozenTrial]) -> int:
  """Trials that have cost an evaluation, or may come to cost one."""
  return sum(is_evaluated(t) or not t.state.is_finished() for t in trials)


def _new(
  storage: BaseStorage, study: optuna.Study, worker: str
) -> tuple[int, int]:
  """A new trial that waits to be taken: its number and its key."""
  template = optuna.trial.create_trial(
    state=TrialState.WAITING, user_attrs={'worker': worker}
  )
  study_id = storage.get_study_id_from_name(study.study_name)
  key = storage.create_new_trial(study_id, template)
  return storage.get_trial(key).number, key
