"""Whom the found network must beat, and how each of them is trained."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from mobilenet_jax.arch import ArchSpec, from_json, to_json, to_string
from mobilenet_jax.core.files import read_json, write_json
from mobilenet_jax.core.progress import say
from mobilenet_jax.data.augment import make_augmentation
from mobilenet_jax.jobs.phones import naming
from mobilenet_jax.jobs.runs import open_run
from mobilenet_jax.jobs.searching import (
  SearchJob,
  search_images,
  training_images,
)
from mobilenet_jax.jobs.trainer import (
  Images,
  Training,
  evaluate_network,
  train_network,
)
from mobilenet_jax.models import get_arch
from mobilenet_jax.search.scaling import scale_to_latency
from mobilenet_jax.search.select import random_within
from mobilenet_jax.space import SearchSpace

LEAST_RANDOM = 2  # networks that have a spread


def choose_rivals(job: SearchJob) -> list[tuple[str, ArchSpec]]:
  """Whom the found network must beat: a known network scaled to the target
  latency, and random ones of the same window; (role, spec) each. They are
  chosen, and priced, before the search; kept in `contenders.json`."""
  config, space, pricing = job.config, job.space, job.pricing
  path = job.folder / 'contenders.json'
  if path.exists():
    return [(row['role'], from_json(row['arch'])) for row in read_json(path)]
  compare = config.compare
  resolution, classes = space.resolutions[-1], space.spec.num_classes
  with naming(pricing.more):
    randoms = _random(job)
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


def _random(job: SearchJob) -> list[ArchSpec]:
  """Random networks of the window: as many as the config asks for, or as are as
  dear to train as the search."""
  config, space, pricing = job.config, job.space, job.pricing
  window = (
    pricing.of_window, pricing.target_ms, config.latency.tolerance
  )  # fmt: skip
  count = config.compare.random or LEAST_RANDOM
  made = _named(space, random_within(space, *window, count, config.seed))
  if config.compare.random:
    return made
  budget = search_images(config, space)
  while training_images(config, space, made) < budget:
    drawn = random_within(space, *window, len(made) + 1, config.seed, least=0)
    if len(drawn) == len(made):
      break  # the window holds no more
    made = _named(space, drawn)
  return made


def _named(
  space: SearchSpace, vectors: Sequence[Sequence[int]]
) -> list[ArchSpec]:
  return [space.decode(v, f'random_{i}') for i, v in enumerate(vectors)]


def train_contender(
  job: SearchJob, spec: ArchSpec, title: str
) -> dict[str, Any]:
  """Trains a contender with every seed of the comparison.

  Returns:
    What `result.json` of the first training holds, the `accuracies` on the
    test images of all of them, and their mean `held_out_accuracy`.
  """
  seeds = [job.config.seed + i for i in range(job.config.compare.seeds)]
  made = [train_once(job, spec, seed, title) for seed in seeds]
  return {
    **made[0],
    'accuracies': [row['test']['accuracy'] for row in made],
    'held_out_accuracy': statistics.fmean(
      row['held_out']['accuracy'] for row in made
    ),
  }


def contender_folder(job: SearchJob, name: str, seed: int) -> Path:
  """The run folder of a contender's training."""
  first = seed == job.config.seed
  return job.folder / 'contenders' / (name if first else f'{name}-seed{seed}')


def train_once(
  job: SearchJob, spec: ArchSpec, seed: int, title: str
) -> dict[str, Any]:
  """Trains a network in a run folder of its own, see `contender_folder`;
  returns what `result.json` there holds."""
  config, data = job.config, job.data
  own = ConfigDict(
    {
      'seed': seed,
      'model': {'name': to_string(spec), 'width': 1.0},
      'data': config.data,
      'train': config.train,
    }
  )

  def judge(network: Any, variables: Any, *_: Any) -> dict[str, Any]:
    """What a choice between networks may look at: not the test images."""
    return {'held_out': evaluate_network(network, variables, data.held_out)}

  folder = contender_folder(job, spec.name, seed)
  with open_run(folder, 'train', own) as place:
    return train_network(
      Training(
        spec,
        config.train,
        Images(data.train, data.test),
        seed,
        place,
        title,
        make_augmentation(config.data.augment),
        teacher=job.teacher,
        finish=judge,
      )
    )
