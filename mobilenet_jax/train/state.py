"""What training carries from step to step."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jax import Array


@struct.dataclass
class TrainState:
  """A tree of arrays, saved as it is.

  Attributes:
    step: number of steps taken.
    params: trainable parameters, plain nested dicts.
    model_state: other variables of the model (batch norm's statistics).
    opt_state: of the optimizer.
  """

  step: Array
  params: Any
  model_state: Any
  opt_state: Any


def create_state(
  variables: Any, optimizer: optax.GradientTransformation
) -> TrainState:
  """The state before the first step; `variables` as Linen's init gives."""
  params = variables['params']
  model_state = {k: v for k, v in variables.items() if k != 'params'}
  return TrainState(
    jnp.zeros((), jnp.int32), params, model_state, optimizer.init(params)
  )


def take_step(
  state: TrainState,
  optimizer: optax.GradientTransformation,
  grads: Any,
  model_state: Any,
) -> TrainState:
  """The state after an update by `grads`."""
  updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
  return TrainState(
    state.step + 1,
    optax.apply_updates(state.params, updates),
    model_state,
    opt_state,
  )


def seed_key(seed: int, step: Array | int, stream: int) -> Array:
  """The random key of a step; streams of one seed are independent."""
  key = jax.random.fold_in(jax.random.key(seed), stream)
  return jax.random.fold_in(key, step)
