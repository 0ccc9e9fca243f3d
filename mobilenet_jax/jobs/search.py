"""The loop: measure, search, train, export, re-measure, report.

Every stage leaves its file in the run folder and is skipped where that file
is there already; the stages that train go on from their last checkpoint. So
the same command on the same folder resumes the run, wherever it was stopped.
"""

import dataclasses
import functools
import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from mobilenet_jax.arch import ArchSpec, from_json, to_json, to_string
from mobilenet_jax.core.files import read_json, write_json
from mobilenet_jax.core.progress import say
from mobilenet_jax.data.augment import Augmentation, make_augmentation
from mobilenet_jax.data.pipeline import (
  check_batch,
  eval_batches,
  train_batches,
)
from mobilenet_jax.data.sources import Source
from mobilenet_jax.jobs import deploy, teachers
from mobilenet_jax.jobs.checks import check_search
from mobilenet_jax.jobs.pricing import Pricing, open_pricing
from mobilenet_jax.jobs.runs import open_run
from mobilenet_jax.jobs.samples import sample_predictions
from mobilenet_jax.jobs.splits import open_split, open_training, remember
from mobilenet_jax.jobs.trainer import (
  Images,
  Training,
  plan_of,
  restore_variables,
  train_network,
)
from mobilenet_jax.jobs.training import image_side
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.models import get_arch
from mobilenet_jax.report.page import write_report
from mobilenet_jax.search import oneshot
from mobilenet_jax.search.scaling import scale_to_latency
from mobilenet_jax.search.select import (
  drawn_within,
  likeliest_within,
  random_within,
)
from mobilenet_jax.space import SearchSpace, get_space
from mobilenet_jax.tasks import classification
from mobilenet_jax.tasks.distillation import Teacher
from mobilenet_jax.train.loop import fit
from mobilenet_jax.train.optimizers import optimizer


@dataclass(frozen=True)
class Data:
  """The splits of a run: to train on, to search on, to report on."""

  train: Source
  held_out: Source
  test: Source


def run(config: Any, workdir: str) -> dict[str, Any]:
  """Runs the whole loop of a search config in a run folder.

  Returns:
    What `results.json` holds: the contenders with their accuracies and
    prices, and how the found network's export did.

  Raises:
    UserError: the config, the folder, the table or the target is wrong; it
      says so before anything is spent.
  """
  check_search(config)
  with open_run(workdir, 'search', config) as folder:
    return _run(config, folder)


def _run(config: Any, folder: Path) -> dict[str, Any]:
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
  if teacher is not None:
    teacher.check(space.decode([0] * len(space.tags)))
  teachers.remember(folder, teacher)
  with clock('measure'):
    pricing = open_pricing(config.latency, space, folder)
    rivals = choose_rivals(config, space, pricing, folder)
  with clock('search'):
    found = search(config, space, pricing, data, folder, teacher)
  contenders = [('found', found), *rivals]
  results = []
  for i, (role, spec) in enumerate(contenders, 1):
    title = f'training {spec.name} ({i}/{len(contenders)})'
    with clock('train'):
      result = train_contender(config, spec, data, folder, title, teacher)
    price = pricing.table.price(spec)
    results.append({'role': role, **result, 'priced_ms': price})
  with clock('export'):
    deployed = deploy_found(config, found, pricing, data, folder)
  summary = {
    'target_ms': pricing.target_ms,
    'space': {
      'name': space.spec.name,
      'networks': space.size,
      'decisions': len(space.tags),
      'fastest_ms': pricing.bounds[0],
      'slowest_ms': pricing.bounds[1],
    },
    'contenders': results,
    'deployed': deployed,
  }
  write_json(folder / 'results.json', summary)
  with clock('report'):
    write_report(folder)
  return summary


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

  data, batches = config.data, config.search
  made = Data(
    open_training(data, data.train_split, batches.batch, config.train.batch),
    open_split(data, data.held_out_split),
    open_split(data, data.test_split),
  )
  check_batch(made.held_out, batches.held_out_batch, Augmentation())
  return made


def search(
  config: Any,
  space: SearchSpace,
  pricing: Pricing,
  data: Data,
  folder: Path,
  teacher: Teacher | None,
) -> ArchSpec:
  """Searches; writes `arch.json`; returns the found network."""
  done = folder / 'arch.json'
  if done.exists():
    return from_json(read_json(done))
  part = config.search
  settings = oneshot.Settings(
    steps=part.steps,
    target_ms=pricing.target_ms,
    beta=part.beta,
    learning_rate=part.learning_rate,
    warm_up=part.warm_up,
    samples=part.samples,
    seed=config.seed,
  )
  rule = optimizer(part.optimizer, part.steps)
  step = oneshot.search_step(
    space,
    pricing.tensors,
    rule,
    settings,
    loss=lambda logits, labels: classification.cross_entropy(
      logits, labels, part.label_smoothing
    ),
    quality=classification.accuracy,
  )
  if teacher is not None:
    teacher = dataclasses.replace(teacher, soft=part.soft_labels, features=0.0)
  state = fit(
    oneshot.initial_state(space, rule, config.seed),
    functools.partial(step, teacher=teacher),
    lambda start: search_batches(config, space, data, start),
    plan_of(part, folder, 'searching'),
    record=oneshot.record(space, pricing.of_vector),
  )
  found = space.decode(select(config, space, pricing, data, state), 'found')
  write_json(done, to_json(found))
  return found


def select(
  config: Any,
  space: SearchSpace,
  pricing: Pricing,
  data: Data,
  state: oneshot.SearchState,
) -> tuple[int, ...]:
  """The best, by the shared weights, of the likeliest network within the
  window and others that the controller draws there."""
  logits = np.asarray(state.controller.logits, np.float64)
  window = (pricing.of_vector, pricing.target_ms, config.latency.tolerance)
  candidates = [likeliest_within(logits, *window)]
  drawn = drawn_within(
    logits, *window, config.search.candidates - 1, config.seed
  )
  candidates += [vector for vector in drawn if vector not in candidates]
  batch = config.search.held_out_batch
  count = min(config.search.candidate_images, len(data.held_out)) // batch
  batches = eval_batches(
    data.held_out,
    batch=batch,
    resolution=space.spec.resolution,
    inputs=space.spec.inputs,
  )
  return oneshot.best_of(
    candidates,
    state.weights.params,
    oneshot.scorer(space, classification.accuracy),
    list(itertools.islice(batches, max(count, 1))),
  )


def search_batches(
  config: Any, space: SearchSpace, data: Data, start: int
) -> Iterator[dict[str, Any]]:
  """Batches to train the shared weights on, and held-out ones to score on."""
  spec = space.spec
  shared = {
    'resolution': spec.resolution, 'inputs': spec.inputs, 'start_step': start,
  }  # fmt: skip
  train = train_batches(
    data.train,
    batch=config.search.batch,
    seed=config.seed,
    augment=make_augmentation(config.data.augment),
    **shared,
  )
  held_out = train_batches(
    data.held_out,
    batch=config.search.held_out_batch,
    seed=config.seed + 1,
    augment=False,
    **shared,
  )
  for a, b in zip(train, held_out, strict=True):
    yield {'train': a, 'held_out': b}


def choose_rivals(
  config: Any, space: SearchSpace, pricing: Pricing, folder: Path
) -> list[tuple[str, ArchSpec]]:
  """Whom the found network must beat: a known network scaled to the target
  latency, and random ones of the same window; (role, spec) each. They are
  chosen, and priced, before the search; kept in `contenders.json`."""
  path = folder / 'contenders.json'
  if path.exists():
    return [(row['role'], from_json(row['arch'])) for row in read_json(path)]
  compare = config.compare
  resolution, classes = space.spec.resolution, space.spec.num_classes
  drawn = random_within(
    space,
    pricing.of_vector,
    pricing.target_ms,
    config.latency.tolerance,
    compare.random,
    config.seed,
  )
  randoms = [space.decode(v, f'random_{i}') for i, v in enumerate(drawn)]
  scaled = scale_to_latency(
    lambda width: get_arch(compare.model, width, resolution, classes),
    pricing.of_new,
    pricing.target_ms,
    near_enough=config.latency.tolerance,
    can_price=pricing.can_price,
    like=randoms,
  )
  if scaled is None:
    say(
      f'{compare.model} is left out: {pricing.table.path} has none of its '
      'widths whole.'
    )
  made = [('scaled', scaled[0])] if scaled else []
  made += [('random', spec) for spec in randoms]
  write_json(path, [{'role': r, 'arch': to_json(s)} for r, s in made])
  return made


def train_contender(
  config: Any,
  spec: ArchSpec,
  data: Data,
  folder: Path,
  title: str,
  teacher: Teacher | None,
) -> dict[str, Any]:
  """Trains a contender in a run folder of its own."""
  own = ConfigDict(
    {
      'seed': config.seed,
      'model': {'name': to_string(spec), 'width': 1.0},
      'data': config.data,
      'train': config.train,
    }
  )
  with open_run(folder / 'contenders' / spec.name, 'train', own) as place:
    return train_network(
      Training(
        spec,
        config.train,
        Images(data.train, data.test),
        config.seed,
        place,
        title,
        make_augmentation(config.data.augment),
        teacher=teacher,
      )
    )


def deploy_found(
  config: Any, spec: ArchSpec, pricing: Pricing, data: Data, folder: Path
) -> dict[str, Any]:
  """Exports, checks and times the found network; keeps sample predictions."""
  done = folder / 'deployed.json'
  if done.exists():
    return read_json(done)
  trained = folder / 'contenders' / spec.name
  variables = restore_variables(spec, config.train, trained)
  parity = deploy.export(
    spec, variables, folder / 'model.tflite', data.test, data.test.class_names
  )
  say(
    f'Exported model.tflite: largest difference from JAX on '
    f'{parity["images"]} test images {parity["max_difference"]:.2g}.'
  )
  samples = sample_predictions(spec, variables, data.test)
  write_json(folder / 'predictions.json', samples)
  priced = pricing.table.price(spec)
  timed = deploy.remeasure(
    folder / 'model.tflite', priced, pricing.reference_ms()
  )
  deployed = {**parity, **timed}
  write_json(done, deployed)
  return deployed
