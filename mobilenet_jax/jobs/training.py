"""Trains a network and evaluates it: a run folder of its own."""

import contextlib
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import optax

from mobilenet_jax.arch import ArchSpec, count, to_json, to_string
from mobilenet_jax.core import processes
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import make_folder, read_json, write_json
from mobilenet_jax.data.augment import Augmentation, make_augmentation
from mobilenet_jax.data.pipeline import eval_batches, train_batches
from mobilenet_jax.data.sources import Source
from mobilenet_jax.jobs import teachers
from mobilenet_jax.jobs.checks import check_training
from mobilenet_jax.jobs.runs import open_run
from mobilenet_jax.jobs.splits import open_split, open_training, remember
from mobilenet_jax.models.builder import Network, build, variable_shapes
from mobilenet_jax.models.find import find_arch
from mobilenet_jax.tasks import classification
from mobilenet_jax.tasks.diagnosis import explain
from mobilenet_jax.tasks.distillation import Teacher
from mobilenet_jax.train.checkpoints import Checkpoints
from mobilenet_jax.train.loop import Plan, fit
from mobilenet_jax.train.mesh import Layout, check_split, make_layout
from mobilenet_jax.train.optimizers import optimizer
from mobilenet_jax.train.state import TrainState, create_state

EVAL_BATCH = 200


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


def run(config: Any, workdir: str) -> dict[str, Any]:
  """Trains the network of a train config in a run folder of its own.

  Returns:
    What `result.json` holds.

  Raises:
    UserError: the config or the folder is wrong.
  """
  with open_run(workdir, 'train', config) as folder:
    data, model = config.data, config.model
    check_training(config)
    layout = make_layout(config.train)
    augment = make_augmentation(data.augment)
    teacher = teachers.open_teacher(config.train)
    train = open_training(data, data.train_split, config.train.batch)
    test = open_split(data, data.test_split)
    held_out = None
    if data.held_out_split:
      held_out = open_split(data, data.held_out_split)
    side = model.resolution or image_side(train)
    spec = find_arch(model.name, model.width, side, train.num_classes)
    check_fit(spec, train)
    check_split(layout, lambda: variable_shapes(network_of(spec, config.train)))
    images = Images(train, test, held_out)
    remember(folder, images.named())
    return train_network(
      spec,
      config.train,
      images,
      seed=config.seed,
      folder=folder,
      title=f'training {spec.name}',
      augment=augment,
      teacher=teacher,
      layout=layout,
    )


def check_fit(spec: ArchSpec, source: Source) -> None:
  """Checks that a network takes a source's images and knows its classes.

  Raises:
    UserError: it does not.
  """
  channels = source[0]['image'].shape[-1]
  for what, has, wants in (
    ('classes', spec.num_classes, source.num_classes),
    ('input channels', spec.in_channels, channels),
  ):
    if has != wants:
      raise UserError(
        f'{spec.name} has {has} {what}, {source.name} has {wants}.'
      )


def image_side(source: Source) -> int:
  """Side of a source's (first) image in pixels.

  Raises:
    UserError: it is no square, as photographs are not.
  """
  height, width = source[0]['image'].shape[:2]
  if height != width:
    raise UserError(
      f'The first image of {source.name} is {width} x {height} pixels; say '
      'what to resize images to, with --config.model.resolution=224, say.'
    )
  return height


def train_network(
  spec: ArchSpec,
  config: Any,
  images: Images,
  *,
  seed: int,
  folder: Path,
  title: str,
  augment: Augmentation,
  teacher: Teacher | None = None,
  layout: Layout | None = None,
) -> dict[str, Any]:
  """Trains a network from scratch and evaluates it on `images.test`.

  Args:
    spec: the network.
    config: the `train` part of a config.
    images: to train on, to choose by, to report on.
    seed: of every draw.
    folder: gets `arch.json`, `checkpoints/`, `metrics.jsonl`, and last
      `result.json`; a finished one is not trained again.
    title: of the progress bar.
    augment: how training images are varied.
    teacher: whom it learns from, beside the labels.
    layout: of `train.mesh.make_layout`; None is one device.

  Returns:
    What `result.json` holds.

  Raises:
    UserError: a value of the config is wrong.
    JobError: training has diverged, or cannot save.
    Terminated: SIGTERM has come.
  """
  done = folder / 'result.json'
  known = processes.from_first(lambda: _begin(spec, folder, done))
  if known is not None:
    return known
  if teacher is not None:
    teacher.check(spec)
  processes.from_first(lambda: teachers.remember(folder, teacher))
  plan = plan_of(config, folder, title)
  state = _fitted(spec, config, images, seed, augment, plan, teacher, layout)
  if images.held_out is not None:
    variables = restore_variables(spec, config, folder, layout)
  else:
    variables = teachers.without_projection(_local(state.variables, layout))
  counts = count(spec)
  result = {
    'name': spec.name,
    'arch': to_string(spec),
    'params': counts.params,
    'macs': counts.macs,
    'test': evaluate_network(
      network_of(spec, config), variables, images.test, layout
    ),
  }
  if processes.is_first():
    write_json(done, result)
  return result


def _begin(spec: ArchSpec, folder: Path, done: Path) -> dict[str, Any] | None:
  """The result of a training that was finished before, or None."""
  if done.exists():
    return read_json(done)
  make_folder(folder)
  write_json(folder / 'arch.json', to_json(spec))
  return None


def plan_of(config: Any, folder: Path, title: str) -> Plan:
  """The plan of a config's part that has steps, of training or of search."""
  return Plan(
    steps=config.steps,
    log_every=config.log_every,
    save_every=config.save_every,
    images=config.batch,
    folder=folder,
    title=title,
  )


def _fitted(
  spec: ArchSpec,
  config: Any,
  images: Images,
  seed: int,
  augment: Augmentation,
  plan: Plan,
  teacher: Teacher | None,
  layout: Layout | None,
) -> TrainState:
  """The state after all steps."""
  network, rule = _made(spec, config)
  variables = classification.init_variables(network, seed)
  if teacher is not None:
    projection = teacher.projection(spec, seed)
    variables = teachers.with_projection(variables, projection)
  shared = {
    'smoothing': config.label_smoothing,
    'seed': seed,
    'accumulate': config.accumulate,
  }
  held_out = images.held_out
  step = classification.train_step(
    network, rule, ema=config.ema, layout=layout, **shared
  )
  if layout is not None:
    teacher = layout.place_state(teacher)
  return fit(
    create_state(variables, rule, ema=bool(config.ema)),
    functools.partial(step, teacher=teacher),
    lambda start: train_batches(
      images.train,
      batch=config.batch,
      seed=seed,
      resolution=spec.resolution,
      augment=augment,
      inputs=spec.inputs,
      start_step=start,
      shard=_shard(),
    ),
    plan,
    record=lambda metrics: {k: float(v) for k, v in metrics.items()},
    explain=functools.partial(explain, network, teacher=teacher, **shared),
    validate=(
      None if held_out is None else _validation(network, held_out, layout)
    ),
    layout=layout,
  )


def network_of(spec: ArchSpec, config: Any) -> Network:
  """The module of a spec as a config trains it."""
  return build(
    spec,
    dropout=config.dropout,
    drop_path=config.drop_path,
    norm_momentum=config.norm_momentum,
    dtype=jnp.dtype(config.dtype),
    remat=config.remat,
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
  return teachers.without_projection(_local(state.variables, layout))


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


def _made(
  spec: ArchSpec, config: Any
) -> tuple[Network, optax.GradientTransformation]:
  """The network and the optimizer of the `train` part of a config."""
  return network_of(spec, config), optimizer(config.optimizer, config.steps)


def _validation(
  network: Network, source: Source, layout: Layout | None
) -> Callable[[TrainState], dict[str, float]]:
  """Returns what evaluates a state on a source; compiled once."""
  predict = classification.predict_fn(network)
  return lambda state: _evaluate(
    network, predict, _local(state.variables, layout), source, layout
  )


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
  )
  if layout is not None:
    batches = ({**b, 'image': layout.spread(b['image'])} for b in batches)
  return classification.evaluate(predict, variables, batches)


def _local(variables: Any, layout: Layout | None) -> Any:
  return variables if layout is None else layout.local(variables)


def _shard() -> tuple[int, int]:
  return processes.index(), processes.count()
