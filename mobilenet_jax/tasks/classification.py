"""Image classification: loss, metrics and the training step of a network."""

from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jax.typing import ArrayLike

from mobilenet_jax.models.builder import Network, image_shape
from mobilenet_jax.train.state import (
  TrainState,
  init_quickly,
  seed_key,
  take_step,
)

DROPOUT = 1  # random stream of a run's seed


def init_variables(network: Network, seed: int) -> Any:
  """Initial variables of a network."""
  spec = network.spec
  shape = image_shape(spec)
  return init_quickly(network.init, seed, jnp.zeros(shape))


def cross_entropy(logits: Array, labels: Array, smoothing: float) -> Array:
  """Mean cross entropy of [N, classes] logits with smoothed labels.

  Labels are integers [N], or [N, classes] shares of classes that sum to 1, as
  mixup and cutmix make them.
  """
  soft = labels.ndim == 2
  targets = labels if soft else jax.nn.one_hot(labels, logits.shape[-1])
  targets = optax.smooth_labels(targets, smoothing)
  return optax.softmax_cross_entropy(logits, targets).mean()


def accuracy(logits: Array, labels: Array) -> Array:
  """Share of right answers; of [N, classes] labels the largest is right."""
  right = jnp.argmax(labels, -1) if labels.ndim == 2 else labels
  return jnp.mean(jnp.argmax(logits, -1) == right)


def train_step(
  network: Network,
  optimizer: optax.GradientTransformation,
  *,
  smoothing: float,
  seed: int,
) -> Callable[[TrainState, Any], tuple[TrainState, dict[str, Array]]]:
  """Returns the compiled step (state, batch) -> (state, metrics)."""

  def step(state: TrainState, batch: Any):
    def loss_fn(params: Any):
      logits, updated = network.apply(
        {'params': params, **state.model_state},
        batch['image'],
        train=True,
        mutable=list(state.model_state),
        rngs={'dropout': seed_key(seed, state.step, DROPOUT)},
      )
      loss = cross_entropy(logits, batch['label'], smoothing)
      return loss, (logits, updated)

    grad_fn = jax.value_and_grad(loss_fn, has_aux=True)
    (loss, (logits, model_state)), grads = grad_fn(state.params)
    metrics = {'loss': loss, 'accuracy': accuracy(logits, batch['label'])}
    return take_step(state, optimizer, grads, model_state), metrics

  return jax.jit(step, donate_argnums=0)


def predict_fn(network: Network) -> Callable[[Any, ArrayLike], Array]:
  """Returns compiled (variables, [N, H, W, C] images) -> [N, K] logits."""
  return jax.jit(lambda variables, images: network.apply(variables, images))


def evaluate(
  predict: Callable[[Any, Array], Array], variables: Any, batches: Iterable[Any]
) -> dict[str, float]:
  """Top-1 accuracy and loss over all batches, padding left out."""
  right = loss = count = 0.0
  for batch in batches:
    logits = np.asarray(predict(variables, batch['image']), np.float64)
    weight, labels = batch['weight'], batch['label']
    shifted = logits - logits.max(-1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    right += float(weight @ (logits.argmax(-1) == labels))
    loss -= float(weight @ np.take_along_axis(logs, labels[:, None], 1)[:, 0])
    count += float(weight.sum())
  return {'accuracy': right / count, 'loss': loss / count}
