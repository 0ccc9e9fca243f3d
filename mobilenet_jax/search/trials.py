"""A multi-trial search: networks proposed, evaluated and told.

A study of Optuna's holds the trials; many processes may work on it. A trial is
taken by a change of its state from WAITING to RUNNING, which one process alone
can make; while it runs it has a heartbeat. One whose process has died goes back
to WAITING, under its number and with its parameters, so that whoever takes it
next does what would have been done: nothing is lost, nothing counted twice.

Where several networks are evaluated at once (`Together`), a process proposes
all of them before it evaluates any: none sees what the others come to. It
proposes until the trials that it has begun are a multiple of `Together.size`,
so that one that was killed goes on with the same group, whatever of it was
told. The last group of a budget may be smaller.

A network that is known is not evaluated again: the trial is a copy of the one
that has evaluated it, or waits for the one that is about to.
"""

import time
from collections.abc import Callable, Sequence

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from mobilenet_jax.search.evaluating import copy, evaluate, tell
from mobilenet_jax.search.heartbeat import beating, return_lost
from mobilenet_jax.search.proposing import Taken, begun, settled, twin_of
from mobilenet_jax.search.taking import (
  MOST_PER_BUDGET,
  Process,
  take,
  take_back,
)
from mobilenet_jax.search.trial import (
  TWIN,
  Search,
  Vector,
  is_evaluated,
  release,
)

POLL_S = 0.5

Proposed = tuple[Taken, Vector]


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
  study = optuna.load_study(study_name=name, storage=storage)
  finished = 0

  def ended(number: int) -> None:
    nonlocal finished
    finished += 1
    trials = study.get_trials(deepcopy=False)
    told(trials[number], sum(map(is_evaluated, trials)))

  at = Process(search, storage, study, worker)
  take_back(at)
  while True:
    return_lost(study, storage)
    trials = study.get_trials(deepcopy=False)
    if met(search, trials) and all(t.state.is_finished() for t in trials):
      return finished
    if not _turn(at, ended):
      time.sleep(POLL_S)  # others are at work on the last ones


def met(search: Search, trials: Sequence[FrozenTrial]) -> bool:
  """Whether a search is over: the budget is spent, or proposals are so often
  known networks that it would have no end."""
  done = sum(map(is_evaluated, trials)) >= search.budget
  most = MOST_PER_BUDGET * search.budget
  ended = [t for t in trials if t.state.is_finished()]
  return done or len(ended) >= most


def _turn(at: Process, ended: Callable[[int], None]) -> bool:
  """Evaluates a group of trials; whether there was something to do.

  Args:
    ended: called with the number of every trial that the process ends.
  """
  keys: list[int] = []
  with beating(at.storage, keys):
    try:
      group, some = _group(at, keys, ended)
      found = evaluate(at.search, group)
      for (trial, _), how in zip(group, found, strict=True):
        if tell(trial, how):
          ended(trial.number)
    except BaseException:
      _let_go(at, keys)
      raise
  return some


def _let_go(at: Process, keys: Sequence[int]) -> None:
  for key in keys:
    release(at.storage, key, at.worker)


def _group(
  at: Process, keys: list[int], ended: Callable[[int], None]
) -> tuple[list[Proposed], bool]:
  """Takes trials until as many networks are to be evaluated as are at once.

  Args:
    keys: gets those of the trials that are taken and not ended.

  Returns:
    The trials and their choice vectors, and whether any was taken.
  """
  group: list[Proposed] = []
  some = False
  while len(group) < at.search.at_once:
    number = take(at, going_on=bool(group))
    if number is None:
      break
    some = True
    trial = begun(at.search, at.storage, at.study.study_name, number)
    keys.append(trial.key)
    vector = _to_be_evaluated(at, trial, ended)
    if vector is None:
      keys.remove(trial.key)
    else:
      group.append((trial, vector))
  return group, some


def _to_be_evaluated(
  at: Process, trial: Taken, ended: Callable[[int], None]
) -> Vector | None:
  """The choice vector of a trial; None where its network is known, or about to
  be, or another process has ended the trial, which it took for lost."""
  try:
    vector = settled(at.search, trial)
    twin = twin_of(at.search, trial, vector)
    if twin is None:
      return vector
    if not twin.state.is_finished():
      at.storage.set_trial_user_attr(trial.key, TWIN, twin.number)
      release(at.storage, trial.key, at.worker)
    elif copy(trial, twin):
      ended(trial.number)
  except UpdateFinishedTrialError:
    pass
  return None
