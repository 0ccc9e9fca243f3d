"""Multi-trial search as a job: every sampled network is trained on its own.

The trials are in a study of Optuna's (`trials.db` of the run folder, or a
PostgreSQL database), so that many workers can share them; `mobilenet-jax search
--worker` is one, the search itself another.
"""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from mobilenet_jax.core.config import to_plain
from mobilenet_jax.core.errors import JobError, UserError
from mobilenet_jax.core.files import read_json, write_json, write_text
from mobilenet_jax.core.progress import say
from mobilenet_jax.jobs.evidence import by_means, write_evidence
from mobilenet_jax.jobs.searching import SearchJob
from mobilenet_jax.jobs.trial_training import alone, together
from mobilenet_jax.latency.bounds import in_window
from mobilenet_jax.report.trials import accounted
from mobilenet_jax.search import studies
from mobilenet_jax.search.evidence import Judged
from mobilenet_jax.search.policies import OF_A_FRONT, Settings, make_policy
from mobilenet_jax.search.rewards import find_reward
from mobilenet_jax.search.storage import open_storage, parse, reason, shown
from mobilenet_jax.search.trial import Search
from mobilenet_jax.search.trials import work
from mobilenet_jax.space import SearchSpace
from mobilenet_jax.space.words import choices_in_words

MAIN = 'main'  # the worker that has the run folder to itself
STUDY = 'study.json'  # of the run folder: where its trials are
ACCOUNT = 'trials.json'  # of the run folder: what became of its trials
OWN = 'trials.db'  # of the run folder, wherever that is moved to


def find(job: SearchJob) -> tuple[int, ...]:
  """Works on the trials until their budget is met; returns the network of the
  highest reward within the latency window.

  Raises:
    UserError: the database is wrong, see `search.storage` and
      `search.studies`.
    JobError: no trial is within the window, or the database has gone.
  """
  storage, name, _ = take_part(job, MAIN, job.folder / 'trials')
  shutil.rmtree(job.folder / 'trials', ignore_errors=True)
  rows = studies.finished(storage, name, job.space)
  _record(job.folder, rows)
  account = studies.account(storage, name)
  write_json(job.folder / ACCOUNT, account)
  found = studies.best_within(
    rows, job.pricing.target_ms, job.config.latency.tolerance
  )
  say(
    f'{accounted(account)}; the best in the window is trial {found.number}: '
    f'{found.accuracy:.2%} at {found.latency_ms:.3f} ms.'
  )
  judged = [Judged(r.vector, r.latency_ms, r.accuracy) for r in rows]
  effects = by_means(job, found.vector, judged)
  write_evidence(job, found.vector, judged, 'held-out accuracy', effects)
  return found.vector


def images(config: Any, space: SearchSpace) -> float:
  """What a search costs; see `searching.search_images`."""
  del space  # a trial counts as a mean network; in the window it is smaller
  part = config.search
  return float(part.trials * part.train.steps * part.train.batch)


def _record(folder: Path, rows: list[studies.Finished]) -> None:
  """Writes `metrics.jsonl`, of the trials that were trained to the end."""
  records = [
    {
      'step': row.number,
      'loss': row.loss,
      'reward': row.value,
      'held_out_accuracy': row.accuracy,
      'latency_ms': row.latency_ms,
    }
    for row in rows
    if row.duplicate_of is None
  ]
  lines = (json.dumps(record, allow_nan=False) for record in records)
  write_text(folder / 'metrics.jsonl', ''.join(f'{line}\n' for line in lines))


def take_part(job: SearchJob, worker: str, place: Path) -> tuple[Any, str, int]:
  """Works on the trials of a run until their budget is met.

  Args:
    worker: name of this process.
    place: folder of the networks that it trains, one at a time.

  Returns:
    The storage, the name of the study, and how many trials this process has
    finished.
  """
  url = parse(job.storage, job.folder)
  place_of_trials = shown(url) if job.storage else OWN
  name = _study(job.folder, place_of_trials)
  with _told(url):
    storage = open_storage(url)
    search = search_of(job, place)
    studies.join(
      storage,
      name,
      identity(job),
      shown(url),
      front=search.front,
      choices=choices_in_words(job.space.spec),
    )
    if worker == MAIN:
      write_json(
        job.folder / STUDY, {'study': name, 'storage': place_of_trials}
      )
    budget = job.config.search.trials
    said = lambda trial, done: say(_line(trial, done, budget))
    count = work(search, storage, name, worker, said)
  return storage, name, count


def worker_name() -> str:
  """Of this process, unlike any other's."""
  return f'{socket.gethostname()}-{os.getpid()}'


def identity(job: SearchJob) -> dict[str, Any]:
  """All that the trials of a run depend on."""
  prices = hashlib.sha256()
  for block in job.pricing.tensors:
    prices.update(block.ms.tobytes())
  images = {'train': job.data.train, 'held_out': job.data.held_out}
  return {
    'config': to_plain(job.config),
    'prices': prices.hexdigest(),
    'images': {name: images[name].fingerprint() for name in images},
  }


def search_of(job: SearchJob, place: Path) -> Search:
  """What a job's config asks of the driver."""
  part, pricing = job.config.search, job.pricing
  reward = find_reward(part.reward)
  settings = Settings(
    part.population, part.tournament, part.mutations, part.policy_batch,
    part.learning_rate,
  )  # fmt: skip
  window = pricing.target_ms, job.config.latency.tolerance
  return Search(
    job.space,
    lambda number: make_policy(
      part.policy,
      job.space,
      job.config.seed,
      number,
      settings,
      lambda vector: in_window(pricing.of_vector(vector), *window),
    ),
    part.trials,
    together(job) if part.at_once > 1 else alone(job, place),
    pricing.of_vector,
    lambda quality, ms: reward(quality, ms, pricing.target_ms, part.beta),
    part.pruner,
    part.policy in OF_A_FRONT,
  )


def _study(folder: Path, now: str) -> str:
  """Name of a run's study, kept in the folder: that may be moved, and others
  on the same database may be called as it is.

  Args:
    now: where the trials are to be.

  Raises:
    UserError: the run has begun them elsewhere.
  """
  path = folder / STUDY
  if not path.exists():
    return f'{folder.resolve().name}-{secrets.token_hex(4)}'
  known = read_json(path)
  if known['storage'] != now:
    raise UserError(
      f'The trials of {folder} are in {known["storage"]!r}, not in {now!r}; '
      'name the same --storage as before.'
    )
  return str(known['study'])


@contextlib.contextmanager
def _told(url: URL) -> Iterator[None]:
  """Tells in a sentence that the database has failed while it was used."""
  try:
    yield
  except (StorageInternalError, SQLAlchemyError) as error:
    raise JobError(
      f'The trials in {shown(url)} cannot be reached any more '
      f'({reason(error, url)}); nothing is lost: run this again when they can.'
    ) from None


def _line(trial: FrozenTrial, done: int, budget: int) -> str:
  """What is said of a finished trial."""
  known = trial.user_attrs
  if 'duplicate_of' in known:
    how = f'the network of trial {known["duplicate_of"]}'
  elif trial.state == TrialState.FAIL:
    how = f'failed: {known["error"]}'
  elif trial.state == TrialState.PRUNED:
    how = f'pruned at step {trial.last_step}'
  else:
    how = f'{known["accuracy"]:.2%}, {known["latency_ms"]:.3f} ms'
  return f'trial {trial.number}: {how} ({done}/{budget})'
