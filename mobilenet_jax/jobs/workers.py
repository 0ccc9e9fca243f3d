"""A worker: takes part in the trials of a run that another process leads."""

import tempfile
import time
from pathlib import Path
from typing import Any

from mobilenet_jax.core.config import differences, to_plain
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import read_json
from mobilenet_jax.core.progress import say
from mobilenet_jax.jobs import trials
from mobilenet_jax.jobs.checks import check_search
from mobilenet_jax.jobs.pricing import open_pricing
from mobilenet_jax.jobs.search import open_data
from mobilenet_jax.jobs.searching import SearchJob
from mobilenet_jax.jobs.splits import remember
from mobilenet_jax.jobs.training import image_side
from mobilenet_jax.space import get_space

WAIT_S = 900.0  # for a run that is still measuring its blocks
NEEDED = (
  'config.json', 'data.json', 'latency.json', 'contenders.json', 'study.json',
)  # fmt: skip
UNKNOWN_S = 30.0  # for a folder that is not even there


def run(
  config: Any, workdir: str, storage: str = '', wait_s: float = WAIT_S
) -> dict[str, Any]:
  """Trains networks of a run's search until its budget is met.

  The run folder is read, not written to: prices and images must be those of the
  search that leads. What is trained here is in a temporary folder.

  Args:
    config: the same as that of the search.
    workdir: its run folder.
    storage: URL of the trials; '' is `trials.db` of the run folder.
    wait_s: how long a search that has just begun is waited for.

  Returns:
    'worker' and the number of 'trials' that it has finished.

  Raises:
    UserError: there is no such run, or it is of another config.
  """
  check_search(config)
  if config.search.algorithm != 'trials':
    raise UserError(
      f'search.algorithm is {config.search.algorithm!r}; only that of '
      "'trials' takes --worker."
    )
  folder = Path(workdir)
  _wait(folder, wait_s)
  wanted = {'job': 'search', **to_plain(config)}
  found = differences(read_json(folder / 'config.json'), wanted)
  if found:
    raise UserError(
      f'Run folder {folder} is of another config than this worker (there / '
      f'here): {found[0]}.'
    )
  data = open_data(config)
  remember(folder, vars(data))
  space = get_space(
    config.space, image_side(data.train), data.train.num_classes
  )
  pricing = open_pricing(config.latency, space, folder)
  job = SearchJob(config, space, pricing, data, folder, None, storage)
  name = trials.worker_name()
  with tempfile.TemporaryDirectory(prefix='mobilenet_jax_') as place:
    _, _, count = trials.take_part(job, name, Path(place))
  return {'worker': name, 'trials': count}


def _wait(folder: Path, wait_s: float) -> None:
  """Waits until a run has prices, and says for what."""
  began, told = time.monotonic(), False
  while not all((folder / name).exists() for name in NEEDED):
    patience = wait_s if folder.exists() else min(wait_s, UNKNOWN_S)
    if time.monotonic() - began >= patience:
      raise UserError(
        f'{folder} holds no search with prices; start `mobilenet-jax search` '
        'with this config and --workdir first.'
      )
    if not told:
      say(f'Waiting for the search in {folder} to measure its blocks.')
    told = True
    time.sleep(1)
