"""TuNAS as a job: shared weights and a controller, then the choice."""

import dataclasses
import functools
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from mobilenet_jax.core.progress import progress
from mobilenet_jax.data.augment import make_augmentation
from mobilenet_jax.data.pipeline import eval_batches, train_batches
from mobilenet_jax.jobs.evidence import write_evidence
from mobilenet_jax.jobs.searching import SearchJob
from mobilenet_jax.jobs.trainer import plan_of
from mobilenet_jax.search import oneshot
from mobilenet_jax.search.evidence import Judged
from mobilenet_jax.search.select import drawn_within, likeliest_within
from mobilenet_jax.tasks import classification
from mobilenet_jax.train.loop import fit
from mobilenet_jax.train.optimizers import optimizer

MEASURE = 'held-out accuracy with shared weights'


def find(job: SearchJob) -> tuple[int, ...]:
  """Trains the shared weights and the controller, and chooses."""
  space, config, part = job.space, job.config, job.config.search
  settings = oneshot.Settings(
    steps=part.steps,
    target_ms=job.pricing.target_ms,
    beta=part.beta,
    learning_rate=part.learning_rate,
    warm_up=part.warm_up,
    samples=part.samples,
    seed=config.seed,
  )
  rule = optimizer(part.optimizer, part.steps)
  step = oneshot.search_step(
    space,
    job.pricing.tensors,
    rule,
    settings,
    loss=lambda logits, labels: classification.cross_entropy(
      logits, labels, part.label_smoothing
    ),
    quality=classification.accuracy,
  )
  teacher = job.teacher
  if teacher is not None:
    teacher = dataclasses.replace(teacher, soft=part.soft_labels, features=0.0)
  state = fit(
    oneshot.initial_state(space, rule, config.seed),
    functools.partial(step, teacher=teacher),
    lambda start: batches(job, start),
    plan_of(part, job.folder, 'searching'),
    record=oneshot.record(space, job.pricing.of_vector),
  )
  return select(job, state)


def select(job: SearchJob, state: oneshot.SearchState) -> tuple[int, ...]:
  """The best, by the shared weights, of the likeliest network within the
  window and others that the controller draws there."""
  config, space, held_out = job.config, job.space, job.data.held_out
  logits = np.asarray(state.controller.logits, np.float64)
  window = (
    job.pricing.of_vector, job.pricing.target_ms, config.latency.tolerance
  )  # fmt: skip
  candidates = [likeliest_within(logits, *window)]
  drawn = drawn_within(
    logits, *window, config.search.candidates - 1, config.seed
  )
  candidates += [vector for vector in drawn if vector not in candidates]
  batch = config.search.held_out_batch
  count = min(config.search.candidate_images, len(held_out)) // batch
  images = eval_batches(
    held_out,
    batch=batch,
    resolution=space.spec.resolution,
    inputs=space.spec.inputs,
  )
  judge = oneshot.judge(
    state.weights.params,
    oneshot.scorer(space, classification.accuracy),
    list(itertools.islice(images, max(count, 1))),
  )
  judged = []
  with progress('comparing candidates', len(candidates)) as bar:
    for vector in candidates:
      ms = job.pricing.of_vector(vector)
      judged.append(Judged(vector, ms, judge(vector)))
      bar.advance()
  best = max(judged, key=lambda j: j.quality).vector  # of equals the first
  write_evidence(job, best, judged, MEASURE, judge)
  return best


def batches(job: SearchJob, start: int) -> Iterator[dict[str, Any]]:
  """Batches to train the shared weights on, and held-out ones to score on."""
  config, spec = job.config, job.space.spec
  shared = {
    'resolution': spec.resolution, 'inputs': spec.inputs, 'start_step': start,
  }  # fmt: skip
  train = train_batches(
    job.data.train,
    batch=config.search.batch,
    seed=config.seed,
    augment=make_augmentation(config.data.augment),
    **shared,
  )
  held_out = train_batches(
    job.data.held_out,
    batch=config.search.held_out_batch,
    seed=config.seed + 1,
    augment=False,
    **shared,
  )
  for a, b in zip(train, held_out, strict=True):
    yield {'train': a, 'held_out': b}


def images(part: Any) -> float:
  """What a search costs; see `searching.cost`."""
  scored = part.steps * (1 - part.warm_up) * part.samples * part.held_out_batch
  compared = part.candidates * part.candidate_images
  return part.steps * part.batch + (scored + compared) / 3
