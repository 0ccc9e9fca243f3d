"""What of a multi-trial search's config can be refused before it begins."""

from typing import Any

from ml_collections import ConfigDict

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.jobs.checks import check_training, field
from mobilenet_jax.search.policies import OF_A_FRONT, check_policy
from mobilenet_jax.search.pruning import make_pruner
from mobilenet_jax.search.rewards import find_reward

# what training several networks in one program does not have
NEUTRAL = {
  'dropout': 0.0, 'drop_path': 0.0, 'ema': 0.0, 'accumulate': 1,
  'remat': False, 'dtype': 'float32', 'layer_decay': 1.0, 'class_weights': '',
}  # fmt: skip


def check_trials(config: Any) -> None:
  """Checks what of a config says how a multi-trial search goes.

  Raises:
    UserError: an unknown name, or a field of `search.train` is wrong.
  """
  check_policy(field(config, 'search.policy'))
  find_reward(field(config, 'search.reward'))
  if config.latency.get('more', ()):
    raise UserError(
      'latency.more is for searches with shared weights; one by one, networks '
      'are trained for one device.'
    )
  make_pruner(field(config, 'search.pruner'))
  _check_pruning(config.search)
  part = field(config, 'search.train')
  one = {'seed': config.seed, 'data': config.data, 'train': part}
  try:
    check_training(ConfigDict(one))
  except UserError as error:
    text = str(error).replace('train.', 'search.train.')
    raise UserError(text) from None
  for name in ('freeze', 'patience'):
    if part[name]:
      raise UserError(
        f'search.train.{name} is {part[name]!r}; networks of trials are '
        'trained from scratch, to the end.'
      )
  if part.distill.teacher:
    raise UserError(
      f'search.train.distill.teacher is {part.distill.teacher!r}; networks of '
      'trials learn from the labels alone.'
    )
  if config.search.at_once > 1:
    _check_together(config.search)


def _check_pruning(part: Any) -> None:
  if part.pruner and part.policy in OF_A_FRONT:
    raise UserError(
      f'search.pruner {part.pruner!r} compares networks by one number; '
      f'search.policy {part.policy!r} has accuracy and latency: the pruner is '
      "''."
    )
  if part.pruner and part.at_once > 1:
    raise UserError(
      f'search.pruner {part.pruner!r} stops networks one by one, but '
      f'search.at_once {part.at_once} trains them in one program to the end; '
      "take search.at_once=1, or search.pruner=''."
    )
  if part.pruner and part.train.save_every >= part.train.steps:
    raise UserError(
      f'search.pruner {part.pruner!r} looks at a network every '
      f'search.train.save_every steps: {part.train.save_every} is never before '
      f'its {part.train.steps} are over; take fewer.'
    )


def _check_together(part: Any) -> None:
  """Refuses what `jobs.many` would leave out."""
  for name, neutral in NEUTRAL.items():
    if part.train[name] != neutral:
      raise UserError(
        f'search.train.{name} is {part.train[name]!r}; with search.at_once '
        f'{part.at_once} it is {neutral!r}: several networks in one program '
        'are trained without.'
      )
