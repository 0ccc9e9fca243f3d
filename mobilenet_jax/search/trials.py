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
from optuna.trial import FrozenTrial, TrialState

from mobilenet_jax.search.evaluating import copy, evaluate, tell
from mobilenet_jax.search.heartbeat import beat, beating, return_lost
from mobilenet_jax.search.proposing import Taken, begun, settled, twin_of
from mobilenet_jax.search.trial import (
  TWIN,
  Search,
  Vector,
  is_counted,
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
  study = optuna.load_study(study_name=name, storage=storage)
  finished = 0

  def ended(number: int) -> None:
    nonlocal finished
    finished += 1
    trials = study.get_trials(deepcopy=False)
    told(trials[number], sum(map(is_evaluated, trials)))

  _take_back(storage, study, worker)
  while True:
    return_lost(study, storage)
    trials = study.get_trials(deepcopy=False)
    if met(search, trials) and all(t.state.is_finished() for t in trials):
      return finished
    if not _turn(search, storage, study, worker, ended):
      time.sleep(POLL_S)  # others are at work on the last ones


def met(search: Search, trials: Sequence[FrozenTrial]) -> bool:
  """Whether a search is over: the budget is spent, or proposals are so often
  known networks that it would have no end."""
  done = sum(map(is_evaluated, trials)) >= search.budget
  most = MOST_PER_BUDGET * search.budget
  ended = [t for t in trials if t.state.is_finished()]
  return done or len(ended) >= most


def _take_back(storage: BaseStorage, study: optuna.Study, worker: str) -> None:
  """Frees what this worker had begun before it died."""
  for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
    if trial.user_attrs.get('worker') == worker:
      release(storage, key_of(storage, study, trial.number), worker)


def _turn(
  search: Search,
  storage: BaseStorage,
  study: optuna.Study,
  worker: str,
  ended: Callable[[int], None],
) -> bool:
  """Evaluates a group of trials; whether there was something to do."""
  keys: list[int] = []
  with beating(storage, keys):
    try:
      group, some = _group(search, storage, study, worker, keys, ended)
      found = evaluate(search, group)
      for (trial, _), how in zip(group, found, strict=True):
        if tell(trial, how):
          ended(trial.number)
    except BaseException:
      _let_go(storage, keys, worker)
      raise
  return some


def _let_go(storage: BaseStorage, keys: Sequence[int], worker: str) -> None:
  for key in keys:
    release(storage, key, worker)


def _group(
  search: Search,
  storage: BaseStorage,
  study: optuna.Study,
  worker: str,
  keys: list[int],
  ended: Callable[[int], None],
) -> tuple[list[tuple[Taken, Vector]], bool]:
  """Takes trials until as many networks are to be evaluated as are at once.

  Args:
    keys: gets those of the trials that are taken and not ended.
    ended: called with the number of a trial whose network is known.

  Returns:
    The trials and their choice vectors, and whether any was taken.
  """
  group: list[tuple[Taken, Vector]] = []
  some = False
  while len(group) < search.at_once:
    number = _take(search, storage, study, worker, going_on=bool(group))
    if number is None:
      break
    some = True
    trial = begun(search, storage, study.study_name, number)
    keys.append(trial.key)
    try:
      vector = settled(search, trial)
      twin = twin_of(search, trial, vector)
      if twin is None:
        group.append((trial, vector))
        continue
      if not twin.state.is_finished():
        storage.set_trial_user_attr(trial.key, TWIN, twin.number)
        release(storage, trial.key, worker)
      elif copy(trial, twin):
        ended(number)
    except UpdateFinishedTrialError:
      pass  # taken for lost, and finished by another process
    keys.remove(trial.key)
  return group, some


def _take(
  search: Search,
  storage: BaseStorage,
  study: optuna.Study,
  worker: str,
  going_on: bool,
) -> int | None:
  """The number of a trial that is now this process's; None where there is
  nothing to be begun.

  Args:
    going_on: whether it has taken others to be evaluated at once.
  """
  while True:
    trials = study.get_trials(deepcopy=False)
    number = next((t.number for t in trials if _is_ready(t, trials)), None)
    if number is not None:
      key = key_of(storage, study, number)
    elif _wants_more(search, trials, worker, going_on):
      number, key = _new(storage, study, worker)
    else:
      return None
    if _taken(search, storage, study, worker, number, key):
      return number


def _is_ready(trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> bool:
  """Whether a trial waits to be taken, and for nothing else."""
  twin = trial.user_attrs.get(TWIN)
  free = twin is None or trials[twin].state.is_finished()
  return trial.state == TrialState.WAITING and free


def _wants_more(
  search: Search, trials: Sequence[FrozenTrial], worker: str, going_on: bool
) -> bool:
  """Whether a new trial is to be begun."""
  counted = [t for t in trials if is_counted(t)]
  own = sum(t.user_attrs.get('worker') == worker for t in counted)
  whole = going_on and own % search.at_once == 0
  most = MOST_PER_BUDGET * search.budget
  return not whole and len(counted) < search.budget and len(trials) < most


def _taken(
  search: Search,
  storage: BaseStorage,
  study: optuna.Study,
  worker: str,
  number: int,
  key: int,
) -> bool:
  """Takes a trial; false where another process was faster."""
  beat(storage, key)  # it never runs without one
  try:
    if not storage.set_trial_state_values(key, TrialState.RUNNING):
      return False
  except UpdateFinishedTrialError:
    return False
  storage.set_trial_user_attr(key, 'worker', worker)
  earlier = study.get_trials(deepcopy=False)[:number]
  if sum(map(is_counted, earlier)) < search.budget:
    return True
  if TWIN in storage.get_trial(key).user_attrs:
    return True  # it costs nothing
  # two processes have begun the last one at the same time
  storage.set_trial_user_attr(key, 'surplus', True)
  storage.set_trial_state_values(key, TrialState.FAIL)
  return False


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
