"""What config files share: ImageNet's numbers, scenes of digits, variants."""

import dataclasses
from collections.abc import Sequence

from ml_collections import ConfigDict

from mobilenet_jax.data.augment import INCEPTION, SHIFT_AND_JITTER
from mobilenet_jax.jobs.defaults import training_config

IMAGENET = 1_281_167  # training images
RUNLOCAL = ('', 'runlocal')


def steps_of(epochs: float, batch: int, images: int = IMAGENET) -> int:
  """Steps that take `images` images `epochs` times, the broken one left out,
  as the training scripts of the MobileNets' authors count them."""
  return int(epochs * images / batch)


def chosen(variant: str, *groups: Sequence[str]) -> tuple[str, ...]:
  """What the argument of a config file says: one name of each group.

  Args:
    variant: names after the colon of --config=FILE.py:NAME,NAME in any order.
    *groups: names that exclude each other; the first is taken where none is
      said, and may be ''.

  Raises:
    ValueError: an unknown name (the valid ones are listed), or two of a group.
  """
  said = [name.strip() for name in variant.split(',')] if variant else []
  known = [name for group in groups for name in group if name]
  for name in said:
    if name not in known:
      listed = ', '.join(map(repr, known))
      raise ValueError(f'variant {name!r} is none of {listed}')
  found = []
  for group in groups:
    names = [name for name in said if name in group]
    if len(names) > 1:
      both = ' and '.join(map(repr, names))
      raise ValueError(f'variants {both} exclude each other')
    found.append(names[0] if names else group[0])
  return tuple(found)


def imagenet_config(
  model: str, *, batch: int, epochs: float = 0.0, steps: int = 0
) -> ConfigDict:
  """A config that trains on ImageNet with Inception crops and flips.

  Args:
    model: a name of the zoo.
    batch: images a step.
    epochs, steps: how long; one of them is 0.
  """
  config = training_config()
  config.model.name = model
  config.model.resolution = 224
  config.data.name = 'imagenet2012'
  config.data.augment = ConfigDict(dataclasses.asdict(INCEPTION))
  config.data.test_split = 'validation'
  config.train.batch = batch
  config.train.steps = steps or steps_of(epochs, batch)
  config.train.log_every = 100
  config.train.save_every = steps_of(1, batch)  # an epoch
  return config


def use_mobilenet_v3(
  config: ConfigDict, *, epochs: float, slim: bool = False
) -> None:
  """Sets the recipe of MobileNetV3's networks; configs/mobilenet_v3.py tells
  its sources."""
  config.data.augment.area = (0.05, 1.0)
  config.data.augment.brightness = 32 / 255
  config.data.augment.saturation = 0.5

  config.train.label_smoothing = 0.1
  config.train.dropout = 0.2
  config.train.ema = 0.9999
  config.train.norm_momentum = 0.997 if slim else 0.99

  optimizer = config.train.optimizer
  optimizer.name = 'rmsprop'
  optimizer.learning_rate = 0.16 if slim else 0.1
  optimizer.schedule = 'exponential'
  optimizer.warmup = 5 / epochs if slim else 0.0
  optimizer.decay_rate = 0.99
  optimizer.decay_every = 3 / epochs
  optimizer.decay = 0.9
  optimizer.epsilon = 0.002
  optimizer.weight_decay = 1e-5
  optimizer.decay_depthwise = False


def digits_config(*, local: bool) -> ConfigDict:
  """A config that trains on digit scenes of 32 px by SGD with momentum.

  Args:
    local: take a few steps only.
  """
  config = training_config()
  config.data.name = 'digit_scenes/32'
  config.data.augment = ConfigDict(dataclasses.asdict(SHIFT_AND_JITTER))

  config.train.steps = 6 if local else 1000
  config.train.batch = 16 if local else 32
  config.train.label_smoothing = 0.1
  config.train.norm_momentum = 0.95
  config.train.log_every = 1 if local else 10
  config.train.save_every = 3 if local else 250

  optimizer = config.train.optimizer
  optimizer.learning_rate = 0.06
  optimizer.schedule = 'cosine'
  optimizer.warmup = 0.1
  optimizer.nesterov = True
  optimizer.weight_decay = 1e-4
  optimizer.clip_norm = 5.0
  return config


def use_local(
  config: ConfigDict, *, model: str, learning_rate: float, steps: int = 400
) -> None:
  """Turns a recipe into one of a minute: a small network on digit scenes.

  Optimizer, schedule, augmentation and losses stay the recipe's own, except
  for what depends on the length of a run or the size of a picture: the rate,
  batch norm's momentum, the least area of a crop, and flips, which digits do
  not take.

  Args:
    config: changed in place.
    model: spec string of a network of few of the family's blocks, which
      compiles soon and keeps 4 x 4 pixels of 32; those of the papers keep one,
      and learn little in a minute.
    learning_rate: that the recipe's optimizer takes with it.
    steps: of 64 images.
  """
  config.model.name, config.model.width = model, 1.0
  config.model.resolution = 0
  config.data.name = 'digit_scenes/32'
  config.data.test_split = 'test[:25%]'  # 1000 scenes
  config.data.augment.area = (0.6, 1.0)
  config.data.augment.flip = 0.0
  config.train.steps, config.train.batch = steps, 64
  config.train.norm_momentum = 0.9
  config.train.dtype = 'float32'  # CPUs have no fast bfloat16
  config.train.log_every, config.train.save_every = 10, steps // 2
  config.train.optimizer.learning_rate = learning_rate


def digits_loop_config(*, local: bool) -> ConfigDict:
  """What all searches on digit scenes have in common, but for `search`: the
  quickstart's space, data, latency, training and rivals.

  Args:
    local: take a few steps of everything, on a tiny space.
  """
  networks = digits_config(local=False)  # how each is trained, and on what
  config = ConfigDict()
  config.seed = 0
  config.space = 'v3_small_images'

  config.data = networks.data
  config.data.held_out_split = 'validation'

  config.latency = ConfigDict()
  config.latency.table = ''  # '' measures this computer
  config.latency.target_ms = 0.0  # 0 takes target_quantile
  config.latency.target_quantile = 0.25  # of random networks of the space
  config.latency.tolerance = 0.03  # of the target, for every contender
  config.latency.more = ()  # (table, target in ms) of further devices

  config.search = ConfigDict()
  config.train = networks.train

  config.compare = ConfigDict()
  config.compare.model = 'mobilenet_v3_small'
  config.compare.random = 0  # networks; 0: as many as cost what the search does
  config.compare.seeds = 1  # trainings of each contender
  if local:
    config.space = 'v3_tiny'
    config.latency.tolerance = 0.2
    config.data.train_split = 'train[:10%]'
    config.data.held_out_split = 'validation[:10%]'
    config.data.test_split = 'test[:10%]'
    config.train.steps = 4
    config.train.batch = 16
    config.train.save_every = 2
    config.train.log_every = 1
    config.compare.random = 1
    config.compare.model = 'mobilenet_v1_shallow'  # compiles in a third of V3's
  return config


def digits_search_config(*, local: bool) -> ConfigDict:
  """As `digits_loop_config`, and what of `search` all algorithms read that
  train shared weights."""
  config = digits_loop_config(local=local)
  search = config.search
  search.steps = 6 if local else 800
  search.batch = 8 if local else 32
  search.held_out_batch = 8 if local else 64
  search.candidates = 2 if local else 24
  search.candidate_images = 16 if local else 1200
  search.label_smoothing = 0.1
  search.soft_labels = 0.0  # share of those of train.distill's teacher
  search.log_every = 1 if local else 10
  search.save_every = 3 if local else 100
  search.optimizer = ConfigDict(config.train.optimizer)
  search.optimizer.learning_rate = 0.2
  return config
