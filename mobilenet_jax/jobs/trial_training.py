"""Trains the networks of trials: one after another, or several at once.

Alone, a network is trained as `mobilenet-jax train` would, and goes on from its
last checkpoint after a stop. At once, several are masked networks of one
compiled program (`jobs.many`, which tells what differs): it serves every
network of the space, but keeps nothing on the way, so a group that was stopped
begins anew.
"""

import functools
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from mobilenet_jax.arch import count, to_string
from mobilenet_jax.core.errors import DivergedError
from mobilenet_jax.core.progress import say
from mobilenet_jax.data.augment import make_augmentation
from mobilenet_jax.jobs.many import Outcome, Trainer
from mobilenet_jax.jobs.searching import SearchJob
from mobilenet_jax.jobs.trainer import Images, Training, train_network
from mobilenet_jax.search.trial import Evaluate, Report, Together, Vector


def alone(job: SearchJob, place: Path) -> Evaluate:
  """What trains a network on the training images, and judges it on the
  held-out ones.

  All networks are trained with the seed of the run.

  Args:
    place: folder of the network in training.
  """
  part, data = job.config.search, job.data

  def evaluate(vector: Vector, number: int, report: Report) -> dict[str, Any]:
    spec = job.space.decode(vector, _name(number))
    for done in place.glob('*'):  # told; what is kept of them is in the study
      if done.name != spec.name:
        shutil.rmtree(done, ignore_errors=True)

    def early(step: int, accuracy: float) -> None:
      if step < part.train.steps:
        report(step, accuracy)

    result = train_network(
      Training(
        spec,
        part.train,
        Images(data.train, data.held_out),
        job.config.seed,
        place / spec.name,
        f'training {spec.name}',
        make_augmentation(job.config.data.augment),
        report=early if part.pruner else None,
      )
    )
    jax.clear_caches()  # the next network is another program
    return {
      **{k: result['test'][k] for k in ('accuracy', 'loss')},
      'arch': to_string(spec),
      'params': result['params'],
      'macs': result['macs'],
    }

  return evaluate


def together(job: SearchJob) -> Together:
  """What trains several networks at once, and judges each as `alone` does but
  with the batch norm of the images that it is judged on."""
  part, data = job.config.search, job.data
  size = min(part.at_once, part.trials)

  @functools.cache
  def trainer() -> Trainer:  # compiled by the first group
    return Trainer(
      job.space,
      part.train,
      data.train,
      {'held_out': data.held_out},
      size=size,
      augment=make_augmentation(job.config.data.augment),
    )

  def evaluate(
    vectors: Sequence[Vector], numbers: Sequence[int]
  ) -> list[Mapping[str, Any] | DivergedError]:
    listed = ', '.join(map(str, numbers))
    say(f'training trials {listed} in one program')
    outcomes = trainer()(vectors, job.config.seed)
    return [
      _facts(job, *one) for one in zip(vectors, numbers, outcomes, strict=True)
    ]

  return Together(size, evaluate)


def _facts(
  job: SearchJob, vector: Vector, number: int, outcome: Outcome
) -> Mapping[str, Any] | DivergedError:
  spec = job.space.decode(vector, _name(number))
  if not outcome.finite:
    return DivergedError(f'{spec.name} has diverged: its loss is not finite.')
  counts = count(spec)
  return {
    'accuracy': outcome.accuracy['held_out'],
    'arch': to_string(spec),
    'params': counts.params,
    'macs': counts.macs,
  }


def _name(number: int) -> str:
  return f'trial_{number}'
