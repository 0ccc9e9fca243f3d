"""Which trial a process begins next, and that it alone has it."""

from collections.abc import Sequence
from dataclasses import dataclass

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from mobilenet_jax.search.heartbeat import beat, wait_again
from mobilenet_jax.search.trial import (
  TWIN,
  Search,
  is_counted,
  key_of,
)

MOST_PER_BUDGET = 4  # trials, known networks among them; then a search ends


@dataclass(frozen=True)
class Process:
  """A process that works on a study, under a name of its own."""

  search: Search
  storage: BaseStorage
  study: optuna.Study
  worker: str


def take(at: Process, going_on: bool) -> int | None:
  """The number of a trial that is now the process's; None where there is
  nothing to be begun.

  Args:
    going_on: whether it has taken others to be evaluated at once.
  """
  while True:
    trials = at.study.get_trials(deepcopy=False)
    number = next((t.number for t in trials if _is_ready(t, trials)), None)
    if number is not None:
      key = key_of(at.storage, at.study, number)
    elif _wants_more(at, trials, going_on):
      number, key = _new(at)
    else:
      return None
    if _is_mine(at, key) and not _is_surplus(at, number, key):
      return number


def take_back(at: Process) -> None:
  """Frees what a process of this name had begun before it died."""
  running = (TrialState.RUNNING,)
  for trial in at.study.get_trials(deepcopy=False, states=running):
    if trial.user_attrs.get('worker') == at.worker:
      wait_again(at.storage, key_of(at.storage, at.study, trial.number))


def _is_ready(trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> bool:
  """Whether a trial waits to be taken, and for nothing else."""
  twin = trial.user_attrs.get(TWIN)
  free = twin is None or trials[twin].state.is_finished()
  return trial.state == TrialState.WAITING and free


def _wants_more(
  at: Process, trials: Sequence[FrozenTrial], going_on: bool
) -> bool:
  """Whether a new trial is to be begun."""
  counted = [t for t in trials if is_counted(t)]
  own = sum(t.user_attrs.get('worker') == at.worker for t in counted)
  whole = going_on and own % at.search.at_once == 0
  budget = at.search.budget
  most = MOST_PER_BUDGET * budget
  return not whole and len(counted) < budget and len(trials) < most


def _new(at: Process) -> tuple[int, int]:
  """A new trial that waits to be taken: its number and its key."""
  template = optuna.trial.create_trial(
    state=TrialState.WAITING, user_attrs={'worker': at.worker}
  )
  study_id = at.storage.get_study_id_from_name(at.study.study_name)
  key = at.storage.create_new_trial(study_id, template)
  return at.storage.get_trial(key).number, key


def _is_mine(at: Process, key: int) -> bool:
  """Takes a trial; false where another process was faster."""
  beat(at.storage, key)  # it never runs without one
  try:
    if not at.storage.set_trial_state_values(key, TrialState.RUNNING):
      return False
  except UpdateFinishedTrialError:
    return False
  at.storage.set_trial_user_attr(key, 'worker', at.worker)
  return True


def _is_surplus(at: Process, number: int, key: int) -> bool:
  """Ends a trial beyond the budget: two processes have begun the last one at
  the same time."""
  earlier = at.study.get_trials(deepcopy=False)[:number]
  if sum(map(is_counted, earlier)) < at.search.budget:
    return False
  if not is_counted(at.storage.get_trial(key)):
    return False  # it costs nothing
  at.storage.set_trial_user_attr(key, 'surplus', True)
  at.storage.set_trial_state_values(key, TrialState.FAIL)
  return True
