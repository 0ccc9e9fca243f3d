"""Learning rates over a run, from a config."""

from typing import Any

import optax

from mobilenet_jax.core.errors import UserError, did_you_mean


def schedule(config: Any, steps: int) -> optax.Schedule:
  """The learning rate that a config names, by step.

  All begin with a linear warm-up from 0 over `warmup`, a share of the steps
  (and a step at least; none where it is 0). After it 'cosine' and 'linear'
  fall to 0 at the end, 'constant' stays, and 'exponential' is multiplied by
  `decay_rate` every `decay_every`, a share of the steps, too (2.4 epochs of
  350: 2.4 / 350); with `staircase` at once, else bit by bit. Its powers are
  counted from step 0, as TensorFlow's training scripts count them: the warm-up
  only hides the first ones.

  Args:
    config: schedule, learning_rate, warmup, decay_rate, decay_every,
      staircase; the last three are read for 'exponential' alone.
    steps: length of the run.

  Raises:
    UserError: unknown schedule (with the nearest one), or a number out of its
      range.
  """
  if not 0 <= config.warmup <= 1:
    raise UserError(f'warmup is {config.warmup!r}; it is a share, 0 to 1.')
  warm = max(int(config.warmup * steps), 1) if config.warmup else 0
  left = max(steps, warm + 1) - warm
  peak = config.learning_rate
  after = {
    'cosine': lambda: optax.cosine_decay_schedule(peak, left),
    'linear': lambda: optax.linear_schedule(peak, 0.0, left),
    'constant': lambda: optax.constant_schedule(peak),
    'exponential': lambda: _exponential(config, steps, warm),
  }
  if config.schedule not in after:
    hint = did_you_mean(config.schedule, after)
    raise UserError(f'Unknown schedule {config.schedule!r}.{hint}')
  if not warm:
    return after[config.schedule]()
  warm_up = optax.linear_schedule(0.0, peak, warm)
  return optax.join_schedules([warm_up, after[config.schedule]()], [warm])


def _exponential(config: Any, steps: int, warm: int) -> optax.Schedule:
  rate, every = config.decay_rate, config.decay_every
  if not 0 < rate <= 1:
    raise UserError(f'decay_rate is {rate!r}; it is over 0 and up to 1.')
  if not 0 < every <= 1:
    raise UserError(f'decay_every is {every!r}; it is over 0 and up to 1.')
  decay = optax.exponential_decay(
    config.learning_rate,
    max(round(every * steps), 1),
    rate,
    staircase=config.staircase,
  )
  return lambda count: decay(count + warm)  # joined ones count from the joint
