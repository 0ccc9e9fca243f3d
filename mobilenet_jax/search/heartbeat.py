"""Signs of life of running trials, and what becomes of those without.

Optuna keeps the heartbeats, by the database's clock. Its own retry fails a
lost trial and adds another; here the trial itself waits again, in one change
of its state, so that a process that dies in between loses nothing.
"""

import contextlib
import threading
from collections.abc import Iterator, Sequence

import optuna
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import TrialState

MOST_LOSSES = 4  # of one trial; it may be what kills its processes


def beat(storage: BaseStorage, key: int) -> None:
  """Gives a sign of life of a trial, where the storage keeps such."""
  if _interval(storage):
    storage.record_heartbeat(key)  # pyrefly: ignore


@contextlib.contextmanager
def beating(storage: BaseStorage, keys: Sequence[int]) -> Iterator[None]:
  """Gives signs of life of trials while the code inside runs, which may take
  others and give some up."""
  interval = _interval(storage)
  if not interval:
    yield
    return
  over = threading.Event()

  def go_on() -> None:
    while not over.wait(interval):
      for key in tuple(keys):
        with contextlib.suppress(StorageInternalError):  # the next may do
          beat(storage, key)

  thread = threading.Thread(target=go_on, daemon=True)
  thread.start()
  try:
    yield
  finally:
    over.set()
    thread.join()


def return_lost(study: optuna.Study, storage: BaseStorage) -> None:
  """Lets the trials of dead processes wait again, or fail after MOST_LOSSES.

  Two processes that do so at the same time may let a trial be evaluated twice;
  it is told once.
  """
  if not _interval(storage):
    return
  study_id = storage.get_study_id_from_name(study.study_name)
  # Optuna has no public name for them short of failing them; asked for again
  # after each: another process may be at the same
  while stale := storage._get_stale_trial_ids(study_id):  # pyrefly: ignore
    wait_again(storage, stale[0])


def wait_again(storage: BaseStorage, key: int) -> None:
  """Lets the trial of a dead process wait for another, or fail after
  MOST_LOSSES."""
  trial = storage.get_trial(key)
  lost = [*trial.user_attrs.get('lost', []), trial.user_attrs.get('worker')]
  with contextlib.suppress(UpdateFinishedTrialError):
    storage.set_trial_user_attr(key, 'lost', lost)
    if len(lost) <= MOST_LOSSES:
      storage.set_trial_state_values(key, TrialState.WAITING)
      return
    storage.set_trial_user_attr(key, 'error', f'{len(lost)} processes died')
    storage.set_trial_state_values(key, TrialState.FAIL)


def _interval(storage: BaseStorage) -> int | None:
  """Seconds between heartbeats; None where the storage keeps none."""
  get = getattr(storage, 'get_heartbeat_interval', None)
  return get() if get else None
