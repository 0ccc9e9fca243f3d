"""What of a search config can be refused before anything is made."""

import math
from typing import Any

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.extras import need
from mobilenet_jax.data.augment import make_augmentation
from mobilenet_jax.jobs.training import check_training
from mobilenet_jax.models import get_arch
from mobilenet_jax.train.optimizers import optimizer

AT_LEAST_ONE = (
  'search.steps', 'search.batch', 'search.held_out_batch', 'search.samples',
  'search.candidates', 'search.candidate_images', 'search.log_every',
  'search.save_every', 'train.steps', 'train.batch', 'train.log_every',
  'train.save_every', 'compare.random',
)  # fmt: skip
RANGES = {
  'seed': (0, 2**31),
  'latency.target_ms': (0, 1e6),
  'latency.target_quantile': (0, 1),
  'latency.tolerance': (1e-6, 1),
  'search.beta': (-1e3, 0),
  'search.learning_rate': (0, 100),
  'search.warm_up': (0, 1),
  'search.label_smoothing': (0, 1),
  'train.label_smoothing': (0, 1),
  'train.dropout': (0, 0.99),
  'train.drop_path': (0, 0.99),
  'train.norm_momentum': (0, 1),
}  # field: least and most


def check_search(config: Any) -> None:
  """Checks the numbers and names of a search config, and its extras.

  Raises:
    UserError: a value out of its range, an unknown model or optimizer, or an
      extra that is not installed.
  """
  for name in AT_LEAST_ONE:
    _check(config, name, 1, math.inf)
  for name, (least, most) in RANGES.items():
    _check(config, name, least, most)
  make_augmentation(config.data.augment)
  check_training(config.train)
  get_arch(config.compare.model)
  optimizer(config.search.optimizer, config.search.steps)
  for extra in ('tflite', 'report'):
    need(extra, 'A search')


def _check(config: Any, name: str, least: float, most: float) -> None:
  value = config
  for part in name.split('.'):
    value = value[part]
  if not least <= value <= most:  # false for nan, too
    limit = (
      f'{least:g} to {most:g}' if most < math.inf else f'{least:g} or more'
    )
    raise UserError(f'--config.{name} is {value!r}; it must be {limit}.')
