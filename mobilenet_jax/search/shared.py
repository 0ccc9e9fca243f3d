"""One step of the weights that all networks of a space share."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array

from mobilenet_jax.models.builder import image_shape
from mobilenet_jax.search.replicas import Replicas
from mobilenet_jax.search.resolution import resized
from mobilenet_jax.space import SearchSpace
from mobilenet_jax.supernet.network import SuperNetwork
from mobilenet_jax.supernet.support import at_largest
from mobilenet_jax.tasks.distillation import Teacher
from mobilenet_jax.train.state import (
  TrainState,
  create_state,
  init_quickly,
  take_step,
)

LossFn = Callable[[Array, Array], Array]  # (logits, labels) -> scalar
Soft = Mapping[str, Array]  # weights over the choices, by tag
WeightsStep = Callable[
  [TrainState, Soft, Any, Teacher | None],
  tuple[TrainState, dict[str, Array]],
]


def initial_weights(
  space: SearchSpace, optimizer: optax.GradientTransformation, seed: int
) -> TrainState:
  """The shared weights before the first step."""
  spec = space.spec
  soft = {tag: jnp.full(n, 1 / n) for tag, n in space.decisions.items()}
  init = SuperNetwork(spec).init
  images = jnp.zeros(image_shape(at_largest(spec)))
  return create_state(init_quickly(init, seed, images, soft), optimizer)


def weights_step(
  space: SearchSpace,
  optimizer: optax.GradientTransformation,
  *,
  loss: LossFn,
  quality: LossFn,
  replicas: Replicas,
  side: int | None = None,
) -> WeightsStep:
  """Returns (state, soft choice, batch, teacher) -> (state, metrics).

  Every device trains the network that its choice is, by its rows of the batch;
  the shared weights take the mean of their gradients. Of a teacher they learn,
  whichever network it is; its soft labels only.

  Args:
    side: that images are resized to, for all but the teacher; None leaves them
      as they are.
  """
  network = SuperNetwork(space.spec)

  def train(
    state: TrainState, choice: Soft, batch: Any, teacher: Teacher | None
  ) -> tuple[TrainState, dict[str, Array]]:
    def loss_fn(params: Any) -> tuple[Array, Array]:
      images = resized(batch['image'], side)
      out: Any = network.apply({'params': params}, images, choice)
      value = loss(out, batch['label'])
      if teacher:
        student = at_largest(space.spec)
        value = teacher.loss(value, student, params, out, batch['image'])
      return value, quality(out, batch['label'])

    grad_fn = jax.value_and_grad(loss_fn, has_aux=True)
    (value, accuracy), grads = replicas.mean(grad_fn(state.params))
    state = take_step(state, optimizer, grads, state.model_state)
    return state, {'loss': value, 'accuracy': accuracy}

  return train
