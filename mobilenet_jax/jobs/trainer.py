"""Trains one network in a folder of its own, and finds it there again."""

import contextlib
import functools
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from mobilenet_jax.arch import ArchSpec, count, to_json, to_string
from mobilenet_jax.core import processes
from mobilenet_jax.core.errors import DivergedError
from mobilenet_jax.core.files import make_folder, read_json, write_json
from mobilenet_jax.data.augment import Augmentation
from mobilenet_jax.data.pipeline import eval_batches, train_batches
from mobilenet_jax.data.sources import Source
from mobilenet_jax.jobs import teachers
from mobilenet_jax.jobs.splits import images_a_class
from mobilenet_jax.jobs.starting import Start
from mobilenet_jax.models.builder import Network, build, variable_shapes
from mobilenet_jax.tasks import classification
from mobilenet_jax.tasks.diagnosis import explain
from mobilenet_jax.tasks.distillation import Teacher
from mobilenet_jax.tasks.finetuning import (
  balanced_weights,
  block_rates,
  frozen_blocks,
)
from mobilenet_jax.train.by_block import by_block
from mobilenet_jax.train.checkpoints import Checkpoints
from mobilenet_jax.train.loop import Plan, fit
from mobilenet_jax.train.mesh import Layout
from mobilenet_jax.train.optimizers import optimizer
from mobilenet_jax.train.state import TrainState, create_state

EVAL_BATCH = 200

# (network, variables, test images, folder) -> more of `result.json`
Finish = Callable[[Network, Any, Source, Path], dict[str, Any]]


@dataclass(frozen=True)
class Images:
  """What a network learns from and is judged by.

  Attributes:
    train: to train on.
    test: to report on.
    held_out: the checkpoint of the best accuracy on it is the result; without
      it the last one.
  """

  train: Source
  test: Source
  held_out: Source | None = None

  def named(self) -> dict[str, Source]:
    """Those that are there, by name."""
    found = {'train': self.train, 'held_out': self.held_out, 'test': self.test}
    return {
      name: source for name, source in found.items() if source is not None
    }


@dataclass(frozen=True)
class Training:
  """A training of one network.

  Attributes:
    spec: the network.
    config: the `train` part of a config.
    images: to train on, to choose by, to report on.
    seed: of every draw.
    folder: gets `arch.json`, `checkpoints/`, `metrics.jsonl`, and last
      `result.json`; a finished one is not trained again.
    title: of the progress bar.
    augment: how training images are varied.
    start: weights to begin with; None: from scratch.
    teacher: whom it learns from, beside the labels.
    finish: what is made of the trained network besides, for `result.json`.
    layout: of `train.mesh.make_layout`; None is one device.
    report: told step and accuracy on `images.test` every `save_every` steps;
      what it raises ends the training.
  """

  spec: ArchSpec
  config: Any
  images: Images
  seed: int
  folder: Path
  title: str
  augment: Augmentation
  start: Start | None = None
  teacher: Teacher | None = None
  finish: Finish | None = None
  layout: Layout | None = None
  report: Callable[[int, float], None] | None = None


def train_network(job: Training) -> dict[str, Any]:
  """Trains a network and evaluates it on `images.test`.

  Returns:
    What `result.json` holds.

  Raises:
    UserError: a value of the config is wrong.
    JobError: training has diverged, or cannot save.
    Terminated: SIGTERM has come.
  """
  done = job.folder / 'result.json'
  known = processes.from_first(lambda: _begin(job, done))
  if known is not None:
    return known
  state = _fitted(job)
  if job.images.held_out is not None:
    variables = restore_variables(job.spec, job.config, job.folder, job.layout)
  else:
    variables = _whole(state, job.layout)
  result = _result(job, int(state.step), variables)
  if processes.is_first():
    write_json(done, result)
  return result


def _begin(job: Training, done: Path) -> dict[str, Any] | None:
  """The result of a training that was finished before, or None."""
  if done.exists():
    return read_json(done)
  make_folder(job.folder)
  if job.teacher is not None:
    job.teacher.check(job.spec)
    teachers.remember(job.folder, job.teacher)
  write_json(job.folder / 'arch.json', to_json(job.spec))
  return None


def _result(job: Training, steps: int, variables: Any) -> dict[str, Any]:
  network, counts = network_of(job.spec, job.config), count(job.spec)
  result = {
    'name': job.spec.name,
    'arch': to_string(job.spec),
    'params': counts.params,
    'macs': counts.macs,
    'steps': steps,
    'test': evaluate_network(network, variables, job.images.test, job.layout),
  }
  if not math.isfinite(result['test']['loss']):
    raise DivergedError(
      f'{job.spec.name} gives no finite numbers on the test images, although '
      'its training did: its moving averages are bad. Try another seed, or a '
      'lower learning rate.'
    )
  if job.start is not None:
    result['start'] = job.start.record()
  if job.finish is not None:
    # by the first process alone: it writes
    result |= processes.from_first(
      lambda: job.finish(network, variables, job.images.test, job.folder)
    )
  return result


def plan_of(config: Any, folder: Path, title: str) -> Plan:
  """The plan of a config's part that has steps, of training or of search."""
  return Plan(
    steps=config.steps,
    log_every=config.log_every,
    save_every=config.save_every,
    images=config.batch,
    folder=folder,
    title=title,
    patience=config.get('patience', 0),  # a search has none
  )


def _fitted(job: Training) -> TrainState:
  """The state after all steps."""
  config, spec, images = job.config, job.spec, job.images
  network, rule = _made(spec, config)
  teacher, layout = job.teacher, job.layout
  shared = {
    'smoothing': config.label_smoothing,
    'seed': job.seed,
    'accumulate': config.accumulate,
    'class_weights': _class_weights(config, images.train),
  }
  step = classification.train_step(
    network, rule, ema=config.ema, layout=layout, **shared
  )
  state = create_state(_first(job, network), rule, ema=bool(config.ema))
  if layout is not None:
    teacher = layout.place_state(teacher)
  return fit(
    state,
    functools.partial(step, teacher=teacher),
    lambda start: train_batches(
      images.train,
      batch=config.batch,
      seed=job.seed,
      resolution=spec.resolution,
      augment=job.augment,
      inputs=spec.inputs,
      start_step=start,
      shard=_shard(),
      threads=_readers(config),
    ),
    plan_of(config, job.folder, job.title),
    record=lambda metrics: {k: float(v) for k, v in metrics.items()},
    explain=functools.partial(explain, network, teacher=teacher, **shared),
    validate=(
      _validation(network, images.held_out, layout)
      if job.report is None
      else _reported(job, network, job.report)
    ),
    layout=layout,
  )


def _first(job: Training, network: Network) -> Any:
  """The variables of step 0."""
  if job.start is None:
    variables = classification.init_variables(network, job.seed)
  else:
    variables = job.start.variables
  if job.teacher is None:
    return variables
  projection = job.teacher.projection(job.spec, job.seed)
  return teachers.with_projection(variables, projection)


def network_of(spec: ArchSpec, config: Any) -> Network:
  """The module of a spec as a config trains it."""
  return build(
    spec,
    dropout=config.dropout,
    drop_path=config.drop_path,
    norm_momentum=config.norm_momentum,
    dtype=jnp.dtype(config.dtype),
    remat=config.remat,
    frozen=frozen_blocks(spec, config.freeze),
  )


def restore_variables(
  spec: ArchSpec, config: Any, folder: Path, layout: Layout | None = None
) -> dict[str, Any]:
  """The trained variables in a folder that `train_network` has filled: those
  of the best checkpoint where checkpoints have a score, else of the last."""
  network, rule = _made(spec, config)
  projection = teachers.projection_shapes(spec, config, folder)
  shapes = teachers.with_projection(variable_shapes(network), projection)
  like = jax.eval_shape(
    lambda v: create_state(v, rule, ema=bool(config.ema)), shapes
  )
  if layout is not None:
    like = layout.like(like)
  with contextlib.closing(Checkpoints(folder / 'checkpoints')) as checkpoints:
    state = checkpoints.restore(like, checkpoints.best_step())
  return _whole(state, layout)


def evaluate_network(
  network: Network,
  variables: Any,
  source: Source,
  layout: Layout | None = None,
) -> dict[str, float]:
  """Accuracy and loss over all of a source; of many processes each takes its
  share of the images, and all get the whole's."""
  predict = classification.predict_fn(network)
  return _evaluate(network, predict, variables, source, layout)


def _readers(config: Any) -> int:
  """Threads that make batches: as many as the config says, or one a core where
  another device trains; on a CPU that trains one, which leaves it the cores."""
  if config.readers:
    return config.readers
  return 1 if jax.default_backend() == 'cpu' else os.cpu_count() or 1


def _made(
  spec: ArchSpec, config: Any
) -> tuple[Network, optax.GradientTransformation]:
  """The network and the optimizer of the `train` part of a config."""
  network = network_of(spec, config)
  rates = block_rates(spec, network.frozen, config.layer_decay)
  return network, by_block(optimizer(config.optimizer, config.steps), rates)


def _class_weights(config: Any, source: Source) -> np.ndarray | None:
  """[classes], or None where all count alike.

  Raises:
    UserError: a class has no images.
  """
  if not config.class_weights:
    return None
  return balanced_weights(images_a_class(source))


def _validation(
  network: Network, source: Source | None, layout: Layout | None
) -> Callable[[TrainState], dict[str, float]] | None:
  """Returns what evaluates a state on a source; compiled once."""
  if source is None:
    return None
  predict = classification.predict_fn(network)
  return lambda state: _evaluate(
    network, predict, _whole(state, layout), source, layout
  )


def _reported(
  job: Training, network: Network, report: Callable[[int, float], None]
) -> Callable[[TrainState], dict[str, float]]:
  """Returns what evaluates a state on the test images, and tells."""
  evaluate = _validation(network, job.images.test, job.layout)
  assert evaluate is not None

  def validate(state: TrainState) -> dict[str, float]:
    found = evaluate(state)
    report(int(state.step), found['accuracy'])
    return found

  return validate


def _whole(state: TrainState, layout: Layout | None) -> Any:
  """The variables of a state as its network has them, here."""
  variables = state.variables
  if layout is not None:
    variables = layout.local(variables)
  return teachers.without_projection(variables)


def _shard() -> tuple[int, int]:
  return processes.index(), processes.count()


def _evaluate(
  network: Network,
  predict: Callable[[Any, Any], Any],
  variables: Any,
  source: Source,
  layout: Layout | None,
) -> dict[str, float]:
  spec = network.spec
  devices = 1 if layout is None else jax.local_device_count()
  batches = eval_batches(
    source,
    batch=-(-EVAL_BATCH // devices) * devices,
    resolution=spec.resolution,
    inputs=spec.inputs,
    shard=_shard(),
    threads=os.cpu_count() or 1,  # nothing else is to be done
  )
  if layout is not None:
    batches = ({**b, 'image': layout.spread(b['image'])} for b in batches)
  return classification.evaluate(predict, variables, batches)
