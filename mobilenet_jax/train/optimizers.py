"""Optimizers from a config."""

import math
from typing import Any

import jax
import optax

from mobilenet_jax.core.errors import UserError, did_you_mean
from mobilenet_jax.train.packed import packed
from mobilenet_jax.train.schedules import schedule

USUAL = {'rmsprop': (0.9, 1e-3), 'adamw': (0.999, 1e-8)}  # decay, epsilon


def optimizer(config: Any, steps: int) -> optax.GradientTransformation:
  """The optimizer that a config names.

  'sgd' has momentum, Nesterov's with `nesterov`. 'rmsprop' is TensorFlow's, as
  the MobileNet papers have it: g is the gradient with the decay of the weights
  in it,

      s <- decay s + (1 - decay) g^2,  s = 1 at first
      m <- momentum m + rate g / sqrt(s + epsilon)
      w <- w - m

  'adamw' (arXiv 1711.05101) decays weights apart from the gradient; `momentum`
  is its beta 1, `decay` its beta 2.

  Args:
    config: name, learning_rate, momentum, nesterov, decay, epsilon (0: the
      optimizer's usual one), weight_decay, decay_depthwise, clip_norm (0 or
      None: none),
      and what `schedules.schedule` reads.
    steps: length of the schedule.

  Raises:
    UserError: unknown name (with the nearest one), or a number out of range.
  """
  _check(config)
  rate = optax.scale_by_learning_rate(schedule(config, steps))
  usual_decay, usual_epsilon = USUAL.get(config.name, (0.0, 0.0))
  decay = config.decay or usual_decay
  epsilon = config.epsilon or usual_epsilon
  momentum = config.momentum
  rules = {
    'sgd': lambda: [optax.trace(momentum, nesterov=config.nesterov), rate],
    'rmsprop': lambda: [
      optax.scale_by_rms(decay, epsilon, initial_scale=1.0, eps_in_sqrt=True),
      rate,
      optax.trace(momentum),
    ],
    'adamw': lambda: [optax.scale_by_adam(momentum, decay, epsilon), rate],
  }
  if config.name not in rules:
    hint = did_you_mean(config.name, rules)
    raise UserError(f'Unknown optimizer {config.name!r}.{hint}')
  parts = rules[config.name]()
  weights = optax.add_decayed_weights(
    config.weight_decay,
    lambda params: _decayed(params, config.decay_depthwise),
  )
  parts.insert(1 if config.name == 'adamw' else 0, weights)
  if config.clip_norm:
    parts.insert(0, optax.clip_by_global_norm(config.clip_norm))
  return packed(optax.chain(*parts))


def _check(config: Any) -> None:
  ranges = {
    'learning_rate': (0, math.inf),
    'momentum': (0, 1),
    'decay': (0, 1),
    'epsilon': (0, math.inf),
    'weight_decay': (0, math.inf),
    'clip_norm': (0, math.inf),
  }
  for name, (least, most) in ranges.items():
    value = config[name] or 0
    if not least <= value <= most:  # false for nan, too
      upto = f' to {most}' if most < math.inf else ' or more'
      raise UserError(f'optimizer.{name} is {value!r}; it is {least}{upto}.')


def _decayed(params: Any, depthwise: bool) -> Any:
  """Marks the kernels: norms and biases are not decayed, and without
  `depthwise` no depthwise kernels [k, k, 1, C] (arXiv 1704.04861, 3.3)."""

  def is_decayed(path: Any, leaf: Any) -> bool:
    if path[-1].key != 'kernel':
      return False
    return depthwise or leaf.ndim != 4 or leaf.shape[2] > 1

  return jax.tree_util.tree_map_with_path(is_decayed, params)
