"""Trains a network and evaluates it: a run folder of its own."""

from pathlib import Path
from typing import Any

import jax

from mobilenet_jax.arch import ArchSpec, count, to_json, to_string
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import make_folder, read_json, write_json
from mobilenet_jax.data.augment import Augmentation, make_augmentation
from mobilenet_jax.data.pipeline import eval_batches, train_batches
from mobilenet_jax.data.sources import Source, cache_in_memory
from mobilenet_jax.jobs.runs import open_run
from mobilenet_jax.jobs.splits import open_split, open_training
from mobilenet_jax.models.builder import Network, build, variable_shapes
from mobilenet_jax.models.find import find_arch
from mobilenet_jax.tasks import classification
from mobilenet_jax.train.checkpoints import Checkpoints
from mobilenet_jax.train.loop import fit
from mobilenet_jax.train.optimizers import optimizer
from mobilenet_jax.train.state import TrainState, create_state

EVAL_BATCH = 200


def run(config: Any, workdir: str) -> dict[str, Any]:
  """Trains the network of a train config in a run folder of its own.

  Returns:
    What `result.json` holds.

  Raises:
    UserError: the config or the folder is wrong.
  """
  with open_run(workdir, 'train', config) as folder:
    data, model = config.data, config.model
    augment = make_augmentation(data.augment)
    train = open_training(data, data.train_split, config.train.batch)
    test = cache_in_memory(open_split(data, data.test_split))
    side = model.resolution or image_side(train)
    spec = find_arch(model.name, model.width, side, train.num_classes)
    check_fit(spec, train)
    return train_network(
      spec,
      config.train,
      train=train,
      test=test,
      seed=config.seed,
      folder=folder,
      title=f'training {spec.name}',
      augment=augment,
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
  *,
  train: Source,
  test: Source,
  seed: int,
  folder: Path,
  title: str,
  augment: Augmentation,
) -> dict[str, Any]:
  """Trains a network from scratch and evaluates it on `test`.

  Args:
    config: the `train` part of a config.
    augment: how training images are varied.
    folder: gets `arch.json`, `checkpoints/`, `metrics.jsonl`, and last
      `result.json`; a finished one is not trained again.
    title: of the progress bar.

  Returns:
    What `result.json` holds.
  """
  done = folder / 'result.json'
  if done.exists():
    return read_json(done)
  make_folder(folder)
  write_json(folder / 'arch.json', to_json(spec))
  network, rule = (
    network_of(spec, config),
    optimizer(config.optimizer, config.steps),
  )
  state = create_state(classification.init_variables(network, seed), rule)
  state = fit(
    state,
    classification.train_step(
      network, rule, smoothing=config.label_smoothing, seed=seed
    ),
    lambda start: train_batches(
      train,
      batch=config.batch,
      seed=seed,
      resolution=spec.resolution,
      augment=augment,
      inputs=spec.inputs,
      start_step=start,
    ),
    steps=config.steps,
    folder=folder,
    title=title,
    log_every=config.log_every,
    save_every=config.save_every,
    record=lambda metrics: {k: float(v) for k, v in metrics.items()},
  )
  counts = count(spec)
  result = {
    'name': spec.name,
    'arch': to_string(spec),
    'params': counts.params,
    'macs': counts.macs,
    'test': evaluate_network(network, variables_of(state), test),
  }
  write_json(done, result)
  return result


def network_of(spec: ArchSpec, config: Any) -> Network:
  """The module of a spec as a config trains it."""
  return build(spec, dropout=config.dropout, norm_momentum=config.norm_momentum)


def variables_of(state: TrainState) -> dict[str, Any]:
  """What a network is applied with."""
  return {'params': state.params, **state.model_state}


def restore_variables(
  spec: ArchSpec, config: Any, folder: Path
) -> dict[str, Any]:
  """The trained variables in a folder that `train_network` has filled."""
  network, rule = (
    network_of(spec, config),
    optimizer(config.optimizer, config.steps),
  )
  shapes = variable_shapes(network)
  like = jax.eval_shape(lambda v: create_state(v, rule), shapes)
  checkpoints = Checkpoints(folder / 'checkpoints')
  state = checkpoints.restore(like)
  checkpoints.close()
  return variables_of(state)


def evaluate_network(
  network: Network, variables: Any, source: Source
) -> dict[str, float]:
  """Accuracy and loss over all of a source."""
  spec = network.spec
  batches = eval_batches(
    source, batch=EVAL_BATCH, resolution=spec.resolution, inputs=spec.inputs
  )
  predict = classification.predict_fn(network)
  return classification.evaluate(predict, variables, batches)
