"""The loop: measure, search, train, export, re-measure, report.

Every stage leaves its file in the run folder and is skipped where that file
is there already; the stages that train go on from their last checkpoint. So
the same command on the same folder resumes the run, wherever it was stopped.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mobilenet_jax.arch import ArchSpec, from_json, to_json
from mobilenet_jax.core.files import read_json, write_json
from mobilenet_jax.core.progress import say
from mobilenet_jax.data.augment import Augmentation
from mobilenet_jax.data.pipeline import (
  check_batch,
)
from mobilenet_jax.jobs import deploy, teachers
from mobilenet_jax.jobs.checks import check_search, check_storage
from mobilenet_jax.jobs.contenders import choose_rivals, train_contender
from mobilenet_jax.jobs.narrowing import find_narrowed
from mobilenet_jax.jobs.pricing import open_pricing
from mobilenet_jax.jobs.runs import open_run
from mobilenet_jax.jobs.samples import sample_predictions
from mobilenet_jax.jobs.searching import (
  Data,
  SearchJob,
  check_space,
  find,
  narrowing_images,
  search_images,
  training_images,
)
from mobilenet_jax.jobs.splits import open_split, open_training, remember
from mobilenet_jax.jobs.trainer import (
  restore_variables,
)
from mobilenet_jax.jobs.training import image_side
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.report.page import write_report
from mobilenet_jax.space import get_space

Rivals = Sequence[tuple[str, ArchSpec]]  # role and network


def run(config: Any, workdir: str, storage: str = '') -> dict[str, Any]:
  """Runs the whole loop of a search config in a run folder.

  Args:
    storage: URL of the trials of a multi-trial search.

  Returns:
    What `results.json` holds: the contenders with their accuracies and
    prices, and how the found network's export did.

  Raises:
    UserError: the config, the folder, the table or the target is wrong; it
      says so before anything is spent.
  """
  check_search(config)
  check_storage(config, storage)
  with open_run(workdir, 'search', config) as folder:
    return _run(config, folder, storage)


def _run(config: Any, folder: Path, storage: str) -> dict[str, Any]:
  if config.latency.table and not (folder / 'latency.csv').exists():
    LatencyTable.load(config.latency.table)  # refused before data is built
  teacher = teachers.open_teacher(config.train)
  clock = Clock(folder / 'timings.json')
  with clock('data'):
    data = open_data(config)
  remember(folder, vars(data))
  space = get_space(
    config.space, image_side(data.train), data.train.num_classes
  )
  check_space(config, space)
  if teacher is not None:
    teacher.check(space.decode([0] * len(space.tags)))
  teachers.remember(folder, teacher)
  with clock('measure'):
    pricing = open_pricing(config.latency, space, folder)
    job = SearchJob(config, space, pricing, data, folder, teacher, storage)
    rivals = choose_rivals(job)
  cost = cost_of(job, rivals)
  _announce(cost, rivals)
  with clock('search'):
    found = _found(job)
  contenders = [('found', found), *rivals]
  results = []
  for i, (role, spec) in enumerate(contenders, 1):
    title = f'training {spec.name} ({i}/{len(contenders)})'
    with clock('train'):
      result = train_contender(job, spec, title)
    price = pricing.of(spec)
    elsewhere = pricing.elsewhere(spec)
    results.append({'role': role, **result, 'priced_ms': price, **elsewhere})
  with clock('export'):
    deployed = deploy_found(job, found)
  summary = {
    'target_ms': pricing.target_ms,
    'more_targets': [phone.summary() for phone in pricing.more],
    'space': {
      'name': space.spec.name,
      'networks': space.size,
      'decisions': len(space.tags),
      'fastest_ms': pricing.bounds[0],
      'slowest_ms': pricing.bounds[1],
    },
    'cost': cost,
    'contenders': results,
    'deployed': deployed,
  }
  write_json(folder / 'results.json', summary)
  with clock('report'):
    write_report(folder)
  return summary


def cost_of(job: SearchJob, rivals: Rivals) -> dict[str, float]:
  """How many images the search sees and its random rivals, see
  `searching.search_images`."""
  randoms = [spec for role, spec in rivals if role == 'random']
  return {
    'search': search_images(job.config, job.space),
    'narrowing': narrowing_images(job.config, job.space),
    'random': training_images(job.config, job.space, randoms),
  }


def _announce(cost: Mapping[str, float], rivals: Rivals) -> None:
  """What the run will cost, before it is spent."""
  randoms = sum(role == 'random' for role, _ in rivals)
  say(
    f'To be seen: {cost["search"]:,.0f} images by the search, '
    f'{cost["random"]:,.0f} by {randoms} random networks to compare with.'
  )
  if cost['narrowing']:
    say(
      f'Of the search, up to about {cost["narrowing"]:,.0f} train its seed and '
      'narrow it by NetAdapt.'
    )
  if cost['random'] < cost['search']:
    say(
      'The random networks cost less than the search; '
      '--config.compare.random=0 would make it even.'
    )


def _found(job: SearchJob) -> ArchSpec:
  """The found network, searched for where `arch.json` is not there yet."""
  done = job.folder / 'arch.json'
  if done.exists():
    return from_json(read_json(done))
  if 'refine' in job.config:
    found = find_narrowed(job)
  else:
    found = job.space.decode(find(job), 'found')
  write_json(done, to_json(found))
  return found


class Clock:
  """Seconds spent in each stage, over all sessions of a run."""

  def __init__(self, path: Path):
    self._path = path
    self._seconds = read_json(path) if path.exists() else {}

  @contextmanager
  def __call__(self, stage: str) -> Iterator[None]:
    start = time.monotonic()
    try:
      yield
    finally:
      spent = time.monotonic() - start
      total = self._seconds.get(stage, 0.0) + spent
      self._seconds[stage] = round(total, 2)
      write_json(self._path, self._seconds)


def open_data(config: Any) -> Data:
  """Opens (and where it is missing builds) the splits that a config names."""

  data, part = config.data, config.search
  sizes = [part.batch] if 'batch' in part else [part.train.batch]
  made = Data(
    open_training(data, data.train_split, *sizes, config.train.batch),
    open_split(data, data.held_out_split),
    open_split(data, data.test_split),
  )
  if 'held_out_batch' in part:
    check_batch(made.held_out, part.held_out_batch, Augmentation())
  return made


def deploy_found(job: SearchJob, spec: ArchSpec) -> dict[str, Any]:
  """Exports, checks and times the found network; keeps sample predictions."""
  config, pricing, folder, test = (
    job.config, job.pricing, job.folder, job.data.test,
  )  # fmt: skip
  done = folder / 'deployed.json'
  if done.exists():
    return read_json(done)
  trained = folder / 'contenders' / spec.name
  variables = restore_variables(spec, config.train, trained)
  parity = deploy.export(
    spec, variables, folder / 'model.tflite', test, test.class_names
  )
  say(
    f'Exported model.tflite: largest difference from JAX on '
    f'{parity["images"]} test images {parity["max_difference"]:.2g}.'
  )
  samples = sample_predictions(spec, variables, test)
  write_json(folder / 'predictions.json', samples)
  priced = pricing.of(spec)
  timed = deploy.remeasure(
    folder / 'model.tflite', priced, pricing.reference_ms()
  )
  deployed = {**parity, **timed}
  write_json(done, deployed)
  return deployed
