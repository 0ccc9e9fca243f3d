"""What of a config can be refused before anything is made."""

import math
from collections.abc import Mapping
from typing import Any

from mobilenet_jax.core.errors import UserError, did_you_mean
from mobilenet_jax.core.extras import need
from mobilenet_jax.data.augment import make_augmentation
from mobilenet_jax.jobs.phones import check_more
from mobilenet_jax.jobs.searching import ALGORITHMS
from mobilenet_jax.models import get_arch
from mobilenet_jax.models.narrow import KEEP
from mobilenet_jax.search.netadapt import CRITERIA
from mobilenet_jax.search.penalties import find_penalty
from mobilenet_jax.search.replicas import make_replicas
from mobilenet_jax.search.rewards import find_reward
from mobilenet_jax.train.mesh import NORMS
from mobilenet_jax.train.optimizers import optimizer

Ranges = Mapping[str, tuple[float, float]]  # field: least and most

ANY = (1, math.inf)
TRAINING: Ranges = {
  'seed': (0, 2**31),
  'train.steps': ANY,
  'train.batch': ANY,
  'train.log_every': ANY,
  'train.save_every': ANY,
  'train.label_smoothing': (0, 1),
  'train.dropout': (0, 0.99),
  'train.drop_path': (0, 0.99),
  'train.norm_momentum': (0, 1),
  'train.readers': (0, 256),
  'train.distill.soft': (0, 1),
  'train.distill.temperature': (1e-3, 1e3),
  'train.distill.features': (0, math.inf),
  'train.mesh.model': ANY,
  'train.layer_decay': (1e-3, 1),
  'train.patience': (0, math.inf),
}
SEARCH: Ranges = {
  'compare.random': (0, 10_000),  # 0: as many as cost what the search does
  'compare.seeds': (1, 100),
  'latency.target_ms': (0, 1e6),
  'latency.target_quantile': (0, 1),
  'latency.tolerance': (1e-6, 1),
}
SHARED_WEIGHTS: Ranges = {  # of the algorithms that train a supernet
  'search.steps': ANY,
  'search.batch': ANY,
  'search.held_out_batch': ANY,
  'search.candidate_images': ANY,
  'search.log_every': ANY,
  'search.save_every': ANY,
  'search.label_smoothing': (0, 1),
  'search.soft_labels': (0, 1),
}
OF_ALGORITHM: Mapping[str, Ranges] = {
  'sandwich': {
    **SHARED_WEIGHTS,
    'search.soft_labels': (0, 0),  # the largest network is the teacher
    'search.warm_up': (0, 1),
    'search.population': (2, 1e5),
    'search.generations': (0, 1e5),
    'search.parents': (1e-6, 1),
    'search.mutated': (0, 1),
    'search.mutation': (0, 1),
    'search.calibration_batches': ANY,
  },
  'tunas': {
    **SHARED_WEIGHTS,
    'search.samples': ANY,
    'search.candidates': ANY,
    'search.beta': (-1e3, 0),
    'search.learning_rate': (0, 100),
    'search.warm_up': (0, 1),
    'search.warm_up_hold': (0, 0.99),
  },
  'differentiable': {
    **SHARED_WEIGHTS,
    'search.candidates': ANY,
    'search.penalty_weight': (0, 1e3),
    'search.penalty_exponent': (0, 10),
    'search.learning_rate': (0, 100),
    'search.warm_up': (0, 1),
    'search.temperature_first': (1e-3, 1e3),
    'search.temperature_last': (1e-3, 1e3),
  },
  'trials': {
    'search.trials': ANY,
    'search.at_once': ANY,
    'search.beta': (-1e3, 0),
    'search.population': (2, 1e6),
    'search.tournament': ANY,
    'search.mutations': (1e-3, 1e6),
    'search.policy_batch': ANY,
    'search.learning_rate': (0, 100),
  },
}
REFINE: Ranges = {
  'latency.target_ms': (1e-9, 1e6),
  'refine.delta': (1e-6, 1),
  'refine.decay': (1e-6, 1),
  'refine.steps': ANY,
  'refine.batch': ANY,
  'refine.held_out_images': (0, math.inf),
}
OPTIMIZER = (
  'name', 'learning_rate', 'schedule', 'warmup', 'momentum', 'nesterov',
  'decay', 'epsilon', 'decay_rate', 'decay_every', 'staircase', 'weight_decay',
  'decay_depthwise', 'clip_norm',
)  # fmt: skip
DISTILL = (
  'teacher', 'weights', 'source', 'student_endpoint', 'teacher_endpoint',
)  # fmt: skip
FIELDS = (
  'data.augment', 'data.strict', 'train.dtype', 'train.ema', 'train.remat',
  'train.accumulate', 'train.batch_norm', 'train.freeze', 'train.class_weights',
  *(f'train.optimizer.{name}' for name in OPTIMIZER),
  *(f'train.distill.{name}' for name in DISTILL),
)  # fmt: skip  # that must be there, beside those with a range
DTYPES = ('bfloat16', 'float32')  # of the computation
CLASS_WEIGHTS = ('', 'balanced')
EXPLORERS = ('evolution', 'nsga2')
RUN = ('model.weights', 'model.source', 'deliver')  # of the job 'train' alone


def check_search(config: Any) -> None:
  """Checks the numbers and names of a search config, and its extras.

  Raises:
    UserError: a value out of its range, an unknown model or optimizer, or an
      extra that is not installed.
  """
  algorithm = field(config, 'search.algorithm')
  if algorithm not in ALGORITHMS:
    hint = did_you_mean(algorithm, ALGORITHMS)
    raise UserError(f'Unknown search.algorithm {algorithm!r}.{hint}')
  _check(config, {**SEARCH, **OF_ALGORITHM[algorithm]})
  part = config.search
  if algorithm == 'tunas':
    find_reward(part.get('reward', 'absolute'))
  if algorithm == 'differentiable':
    find_penalty(field(config, 'search.penalty'))
  if algorithm in ('tunas', 'differentiable'):
    make_replicas(part.batch, part.held_out_batch)
  check_more(config.latency.get('more', ()))
  check_training(config, taught=part.get('soft_labels', 0.0))
  if algorithm == 'trials':
    from mobilenet_jax.jobs.trial_checks import check_trials

    check_trials(config)
  if algorithm == 'sandwich':
    _check_sandwich(config)
  part = config.train
  for name, value, neutral in (
    ('freeze', part.freeze, ''), ('patience', part.patience, 0),
    ('mesh.model', part.mesh.model, 1),
    ('batch_norm', part.batch_norm, 'global'),
  ):  # fmt: skip
    if value != neutral:
      raise UserError(
        f'train.{name} is {value!r}; networks of a search are trained from '
        f'scratch, to the end, on one device: it is {neutral!r}.'
      )
  get_arch(config.compare.model)
  if 'optimizer' in config.search:
    optimizer(config.search.optimizer, config.search.steps)
  for extra in ('tflite', 'report'):
    need(extra, 'A search')
  if 'refine' in config:
    _check_narrowing(config)


def _check_narrowing(config: Any) -> None:
  """Checks the refinement that a search ends with."""
  from mobilenet_jax.jobs.narrowing import check_seed, refinement_of

  # what NetAdapt costs is told before: judged by so many images, not by all
  _check(config, {'refine.seed_ratio': (1, 10), 'refine.held_out_images': ANY})
  if config.latency.get('more', ()):
    raise UserError(
      'latency.more is for searches without a refine part; NetAdapt minds one '
      'device.'
    )
  check_seed(config)
  check_refine(refinement_of(config, 1.0))


def check_refine(config: Any) -> None:
  """Checks the numbers and names of a refine config, and its extras.

  Raises:
    UserError: a value out of its range, an unknown name, or an extra that is
      not installed.
  """
  if not field(config, 'latency.target_ms'):
    raise UserError('No latency to come down to; say it with --target_ms.')
  _check(config, REFINE)
  for name, known in (('criterion', CRITERIA), ('keep', KEEP)):
    value = field(config, f'refine.{name}')
    if value not in known:
      hint = did_you_mean(value, known)
      raise UserError(f'Unknown refine.{name} {value!r}.{hint}')
  check_training(config)
  part = config.train
  for name, value, neutral in (
    ('freeze', part.freeze, ''), ('patience', part.patience, 0),
    ('mesh.model', part.mesh.model, 1),
    ('batch_norm', part.batch_norm, 'global'),
    ('distill.teacher', part.distill.teacher, ''),
  ):  # fmt: skip
    if value != neutral:
      raise UserError(
        f'train.{name} is {value!r}; a network is refined as a whole, by its '
        f'labels, on one device: it is {neutral!r}.'
      )
  if not config.data.held_out_split:
    raise UserError(
      'There are no images to judge proposals by; name a split with '
      '--config.data.held_out_split.'
    )
  optimizer(config.refine.optimizer, config.refine.steps)
  field(config, 'latency.table')
  need('report', 'The picture of a refinement')
  if not config.latency.table:
    need('tflite', 'Measuring this computer')


def check_storage(config: Any, storage: str) -> None:
  """Checks an address of trials.

  Raises:
    UserError: it is none, or the search has no trials.
  """
  if not storage:
    return
  from mobilenet_jax.search.storage import parse

  parse(storage)
  if config.search.algorithm != 'trials':
    raise UserError(
      f'search.algorithm is {config.search.algorithm!r}; only that of '
      "'trials' takes --storage."
    )


def check_training(config: Any, taught: float = 0.0) -> None:
  """Checks what of a config says how a network is trained.

  Args:
    config: of a training or a search.
    taught: what a search learns from the teacher beside.

  Raises:
    UserError: a value is out of its range, or a name unknown.
  """
  _check(config, TRAINING)
  for name in FIELDS:
    field(config, name)
  make_augmentation(config.data.augment)
  part = config.train
  optimizer(part.optimizer, part.steps)
  if part.dtype not in DTYPES:
    hint = did_you_mean(part.dtype, DTYPES)
    raise UserError(f'Unknown train.dtype {part.dtype!r}.{hint}')
  if part.batch_norm not in NORMS:
    hint = did_you_mean(part.batch_norm, NORMS)
    raise UserError(f'Unknown train.batch_norm {part.batch_norm!r}.{hint}')
  if part.class_weights not in CLASS_WEIGHTS:
    raise UserError(
      f"train.class_weights is {part.class_weights!r}; it is 'balanced' or ''."
    )
  if not 0 <= part.ema < 1:
    raise UserError(f'train.ema is {part.ema!r}; it is 0 to less than 1.')
  if part.accumulate < 1 or part.batch % part.accumulate:
    raise UserError(
      f'train.accumulate is {part.accumulate!r}; it is a divisor of the '
      f'batch of {part.batch}.'
    )
  _check_distill(part.distill, taught)


def _check_sandwich(config: Any) -> None:
  explorer = field(config, 'search.explorer')
  if explorer not in EXPLORERS:
    hint = did_you_mean(explorer, EXPLORERS)
    raise UserError(f'Unknown search.explorer {explorer!r}.{hint}')
  if explorer == 'nsga2' and config.latency.get('more', ()):
    raise UserError(
      "search.explorer 'nsga2' minds one device; with latency.more it is "
      "'evolution'."
    )
  for side in field(config, 'search.resolutions'):
    if type(side) is not int or not 8 <= side <= 8192:
      raise UserError(
        f'search.resolutions has {side!r}; sides of images are whole numbers '
        'of 8 to 8192 pixels.'
      )


def _check_distill(part: Any, taught: float) -> None:
  """Checks that a teacher is there to be learnt from, and nothing else."""
  wanted = part.soft or part.features or taught
  if part.teacher and not wanted:
    raise UserError(
      f'Nothing is learnt from train.distill.teacher {part.teacher!r}: soft '
      'and features are both 0.'
    )
  if taught and not part.teacher:
    raise UserError(
      f'search.soft_labels is {taught!r}, but train.distill.teacher names no '
      'teacher.'
    )
  if part.weights and not part.teacher:
    raise UserError(
      f'train.distill.weights is {part.weights!r}, but train.distill.teacher '
      'does not say of which network.'
    )


def check_run(config: Any) -> None:
  """Checks all that a config says of a training of its own.

  Raises:
    UserError: see `check_training`; or what is asked for does not go together,
      or an extra is not installed.
  """
  check_training(config)
  for name in RUN:
    field(config, name)
  part = config.train
  if not config.data.name:
    raise UserError(
      'There is nothing to learn from; name your images with '
      '--config.data.name=folder:PATH, PATH having one subfolder a class.'
    )
  if part.freeze and not config.model.weights:
    raise UserError(
      f'train.freeze is {part.freeze!r}, but there are no weights to keep; '
      'name some with --config.model.weights.'
    )
  if part.patience and not config.data.held_out_split:
    raise UserError(
      f'train.patience is {part.patience}, but there is nothing to judge by; '
      'name a split with --config.data.held_out_split.'
    )
  if config.deliver:
    for extra in ('tflite', 'report'):
      need(extra, '--config.deliver')


def _check(config: Any, ranges: Ranges) -> None:
  for name, (least, most) in ranges.items():
    value = field(config, name)
    if not least <= value <= most:  # false for nan, too
      limit = (
        f'{least:g} to {most:g}' if most < math.inf else f'{least:g} or more'
      )
      raise UserError(f'--config.{name} is {value!r}; it must be {limit}.')


def field(config: Any, name: str) -> Any:
  """The value of a field, its name with dots.

  Raises:
    UserError: there is none.
  """
  value = config
  for part in name.split('.'):
    if part not in value:
      raise UserError(
        f'The config has no field {name!r}; mobilenet_jax/jobs/defaults.py has '
        'all of a training, configs/quickstart.py of a search.'
      )
    value = value[part]
  return value
