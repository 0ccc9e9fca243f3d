"""The study of a run: whose it is, and what was found in it."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.exceptions import DuplicatedStudyError, ExperimentalWarning
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState

from mobilenet_jax.core.config import differences
from mobilenet_jax.core.errors import JobError, UserError
from mobilenet_jax.latency.bounds import in_window
from mobilenet_jax.search.policies.base import vector_of
from mobilenet_jax.search.trial import TWIN
from mobilenet_jax.space import SearchSpace

IDENTITY = 'identity'  # attribute of a study: what it depends on
# objectives of a study, and their directions
REWARD = {'reward': StudyDirection.MAXIMIZE}
FRONT = {
  'accuracy': StudyDirection.MAXIMIZE,
  'latency_ms': StudyDirection.MINIMIZE,
}

ENDED = {
  TrialState.COMPLETE: 'whole',
  TrialState.PRUNED: 'pruned',
  TrialState.FAIL: 'failed',
}


@dataclass(frozen=True)
class Finished:
  """A trial that was evaluated to the end.

  Attributes:
    value: its reward, whatever the objectives of the study are.
    loss: where its evaluation has given one.
    duplicate_of: number of the trial that has evaluated its network; None
      where it was this one.
  """

  number: int
  vector: tuple[int, ...]
  value: float
  accuracy: float
  latency_ms: float
  loss: float | None
  duplicate_of: int | None


def join(
  storage: BaseStorage,
  name: str,
  identity: Mapping[str, Any],
  where: str,
  *,
  front: bool = False,
  choices: Mapping[str, Sequence[str]] | None = None,
) -> None:
  """Makes the study of a run, or checks that the one there is the run's.

  Args:
    name: of the study.
    identity: all that its trials depend on, plain values.
    where: the storage, for messages.
    front: see `trial.Search`.
    choices: of the decisions, in words; kept for people, who see parameters
      that are indices into them.

  Raises:
    UserError: a study of that name is of something else; the first difference
      is named with both values.
  """
  objectives = FRONT if front else REWARD
  try:
    study = optuna.create_study(
      study_name=name, storage=storage, directions=list(objectives.values())
    )
  except DuplicatedStudyError:
    study = optuna.load_study(study_name=name, storage=storage)
  there = study.user_attrs.get(IDENTITY)
  if there is None and not study.get_trials(deepcopy=False):
    with warnings.catch_warnings():
      warnings.simplefilter('ignore', ExperimentalWarning)
      study.set_metric_names(list(objectives))  # for optuna-dashboard
    study.set_user_attr('choices', dict(choices or {}))
    study.set_user_attr(IDENTITY, dict(identity))
    return
  found = differences(there or {}, dict(identity))
  if found:
    more = f' and {len(found) - 1} more' if len(found) > 1 else ''
    raise UserError(
      f'Study {name!r} in {where} is of another search (there / now): '
      f'{found[0]}{more}; use another --workdir, whose name the study has.'
    )


def finished(
  storage: BaseStorage, name: str, space: SearchSpace
) -> list[Finished]:
  """The trials of a study that were evaluated to the end, by their numbers."""
  study = optuna.load_study(study_name=name, storage=storage)
  rows = []
  for t in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
    known = t.user_attrs
    rows.append(
      Finished(
        t.number,
        vector_of(space, t.params),
        float(known['reward']),
        float(known['accuracy']),
        float(known['latency_ms']),
        known.get('loss'),
        known.get('duplicate_of'),
      )
    )
  return rows


def account(storage: BaseStorage, name: str) -> dict[str, int]:
  """What became of the trials of a study, each counted once but for 'lost'.

  Returns:
    How many networks were evaluated to the 'whole', 'pruned', or have 'failed';
    how many trials proposed a 'known' one, or were a 'surplus' of the budget;
    and how often one was 'lost' with its process, and begun again.
  """
  found = dict.fromkeys(('whole', 'pruned', 'failed', 'known', 'surplus'), 0)
  lost = 0
  study = optuna.load_study(study_name=name, storage=storage)
  for trial in study.get_trials(deepcopy=False):
    known = trial.user_attrs
    lost += len(known.get('lost', ()))
    if 'surplus' in known:
      found['surplus'] += 1
    elif TWIN in known:
      found['known'] += 1
    else:
      found[ENDED[trial.state]] += 1
  return {**found, 'lost': lost}


def best_within(
  rows: list[Finished], target_ms: float, tolerance: float
) -> Finished:
  """The network of the highest reward that costs target_ms +- tolerance; of
  equals the more accurate, then the first.

  Raises:
    JobError: none does.
  """
  near = [r for r in rows if in_window(r.latency_ms, target_ms, tolerance)]
  if near:
    return max(near, key=lambda r: (r.value, r.accuracy, -r.number))
  nearest = min(
    (r.latency_ms for r in rows),
    key=lambda ms: abs(ms / target_ms - 1),
    default=None,
  )
  said = (
    f'the nearest costs {nearest:.3f} ms' if nearest else 'none was trained'
  )
  raise JobError(
    f'None of {len(rows)} trials costs {target_ms:.3f} ms +- {tolerance:.0%} '
    f'({said}); widen latency.tolerance, or search on in a new --workdir with '
    'more search.trials or a search.beta further below 0.'
  )
