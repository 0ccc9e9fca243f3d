"""Optimizers and schedules from a config."""

from typing import Any

import jax
import optax

from mobilenet_jax.core.errors import UserError, did_you_mean


def schedule(config: Any, steps: int) -> optax.Schedule:
  """Linear warm-up over `warmup` (a share of the steps), then cosine to 0."""
  warm = max(int(config.warmup * steps), 1)
  return optax.warmup_cosine_decay_schedule(
    0.0, config.learning_rate, warm, max(steps, warm + 1)
  )


def optimizer(config: Any, steps: int) -> optax.GradientTransformation:
  """The optimizer that a config names.

  Args:
    config: name, learning_rate, warmup, momentum, weight_decay, clip_norm.
    steps: length of the schedule.

  Raises:
    UserError: unknown name (with the nearest one).
  """
  rules = {
    'sgd': lambda: optax.trace(config.momentum, nesterov=True),
    # TensorFlow's form, as the MobileNet papers have it
    'rmsprop': lambda: optax.chain(
      optax.scale_by_rms(0.9, 1e-3, eps_in_sqrt=True),
      optax.trace(config.momentum),
    ),
    'adamw': lambda: optax.scale_by_adam(config.momentum, 0.999),
  }
  if config.name not in rules:
    hint = did_you_mean(config.name, rules)
    raise UserError(f'Unknown optimizer {config.name!r}.{hint}')
  decay = optax.add_decayed_weights(config.weight_decay, _kernels)
  parts = [decay, rules[config.name]()]
  if config.name == 'adamw':  # decoupled: the decay is not normalized
    parts.reverse()
  return optax.chain(
    optax.clip_by_global_norm(config.clip_norm),
    *parts,
    optax.scale_by_learning_rate(schedule(config, steps)),
  )


def _kernels(params: Any) -> Any:
  """Marks the kernels: norms and biases are not decayed."""
  return jax.tree_util.tree_map_with_path(
    lambda path, _: path[-1].key == 'kernel', params
  )
