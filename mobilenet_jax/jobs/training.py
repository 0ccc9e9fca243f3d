"""Trains the network of a config: a run folder of its own."""

from typing import Any

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.progress import say
from mobilenet_jax.data.augment import make_augmentation
from mobilenet_jax.data.sources import Source
from mobilenet_jax.jobs.checks import check_run
from mobilenet_jax.jobs.ending import deliver
from mobilenet_jax.jobs.runs import open_run
from mobilenet_jax.jobs.splits import (
  check_each_class,
  images_a_class,
  open_split,
  open_training,
  remember,
  settled,
)
from mobilenet_jax.jobs.starting import Start, open_start
from mobilenet_jax.jobs.teachers import open_teacher
from mobilenet_jax.jobs.trainer import (
  Images,
  Training,
  network_of,
  train_network,
)
from mobilenet_jax.models.builder import variable_shapes
from mobilenet_jax.models.find import find_arch
from mobilenet_jax.train.mesh import check_split, make_layout


def run(config: Any, workdir: str) -> dict[str, Any]:
  """Trains the network of a train config in a run folder of its own.

  Returns:
    What `result.json` holds.

  Raises:
    UserError: the config or the folder is wrong.
  """
  check_run(config)
  config = settled(config)
  with open_run(workdir, 'train', config) as folder:
    layout = make_layout(config.train)
    teacher = open_teacher(config.train)
    images = _opened(config)
    spec, start = _begun(config, images.train)
    check_fit(spec, images.train)
    check_split(layout, lambda: variable_shapes(network_of(spec, config.train)))
    remember(folder, images.named())
    job = Training(
      spec,
      config.train,
      images,
      config.seed,
      folder,
      title=f'training {spec.name}',
      augment=make_augmentation(config.data.augment),
      start=start,
      teacher=teacher,
      finish=deliver if config.deliver else None,
      layout=layout,
    )
    return train_network(job)


def _opened(config: Any) -> Images:
  """The images of a config, checked for what it asks of them."""
  data, part = config.data, config.train
  train = open_training(data, data.train_split, part.batch)
  test = open_split(data, data.test_split)
  held_out = None
  if data.held_out_split:
    held_out = open_split(data, data.held_out_split)
  if part.patience and held_out is not None:
    check_each_class(held_out)
  if part.class_weights:
    images_a_class(train)
  return Images(train, test, held_out)


def _begun(config: Any, train: Source) -> tuple[ArchSpec, Start | None]:
  """The network of a config, and what it begins with."""
  model, seed = config.model, config.seed
  if model.weights:
    start = open_start(model, train.num_classes, seed)
    say(start.told())
    return start.spec, start
  if config.train.layer_decay < 1:
    say(
      'No weights to begin with (--config.model.weights), and yet '
      f'train.layer_decay is {config.train.layer_decay}: the first blocks will '
      'learn slowly.'
    )
  side = model.resolution or image_side(train)
  return find_arch(model.name, model.width, side, train.num_classes), None


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
