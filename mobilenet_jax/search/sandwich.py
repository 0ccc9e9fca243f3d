"""Shared weights trained by the sandwich rule, with in-place distillation.

A step trains the largest network of a space by the labels, and the smallest
and two random ones by the largest's soft predictions; their gradients are
summed in one update. BigNAS (arXiv 2003.11142), section 3.1.

Differences from the paper: in a warm-up the largest network is trained alone,
as Once-for-all does (arXiv 1908.09791, section 3.3), for a teacher that knows
nothing yet holds back the weights it shares; the last layer is not dropped out
for the largest; blocks have no initialization of their own; all networks of a
step see images of the same size, the largest and the smallest, too, where the
resolution is searched. Of a choice of operations, which BigNAS has not, the
largest network has those of the most multiply-adds, the smallest those of the
fewest, and only the random ones train the others.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array

from mobilenet_jax.models.builder import image_shape
from mobilenet_jax.search.resolution import generator, resized
from mobilenet_jax.space import SearchSpace
from mobilenet_jax.supernet.masks import one_hot
from mobilenet_jax.supernet.network import SuperNetwork
from mobilenet_jax.supernet.support import at_largest
from mobilenet_jax.train.packed import global_norm
from mobilenet_jax.train.state import (
  TrainState,
  create_state,
  init_quickly,
  seed_key,
  take_step,
)

RANDOM_ARCHS = 14  # random stream
RANDOM = 2  # random networks a step


@dataclass(frozen=True)
class Settings:
  """Of sandwich training.

  Attributes:
    smoothing: of the labels, for the largest network.
    seed: of every draw.
    warm_up: first steps, in which the largest is trained alone.
    resolutions: sides of images, one of them drawn a step; none: always that
      of the space.
  """

  smoothing: float
  seed: int
  warm_up: int = 0
  resolutions: tuple[int, ...] = ()

  def resolution(self, step: int, usual: int) -> int:
    """Side of a step's images, a function of (seed, step) alone."""
    if not self.resolutions:
      return usual
    rng = generator(self.seed, step)
    return self.resolutions[int(rng.integers(len(self.resolutions)))]


def initial_state(
  space: SearchSpace, optimizer: optax.GradientTransformation, seed: int
) -> TrainState:
  """The state before the first step."""
  soft = one_hot(space, jnp.zeros(len(space.tags), jnp.int32))
  init = SuperNetwork(space.spec).init
  images = jnp.zeros(image_shape(at_largest(space.spec)))
  return create_state(init_quickly(init, seed, images, soft), optimizer)


def random_vectors(space: SearchSpace, key: Array) -> Array:
  """int [RANDOM, decisions], every decision uniform and independent."""
  sizes = jnp.asarray(list(space.decisions.values()))
  return jax.random.randint(key, (RANDOM, len(sizes)), 0, sizes)


def summed_gradient(
  space: SearchSpace, smoothing: float
) -> Callable[..., tuple[Any, Array, Array]]:
  """Returns (params, vectors [networks, decisions], batch, alone=False) ->
  (gradient, losses [networks], accuracies [networks]).

  Of the others nothing is computed, and 0 returned, where the first is `alone`.
  The first network learns from the labels, the others from what it says; no
  gradient flows from them to it. A loss is the cross entropy with what it
  learns from; for the others that differs from the Kullback-Leibler divergence
  by what has no gradient.
  """
  network = SuperNetwork(space.spec)
  classes = space.spec.num_classes

  def gradient_of(params: Any, vector: Array, images: Array, targets: Array):
    def loss(params: Any) -> tuple[Array, Array]:
      soft = one_hot(space, vector)
      logits: Any = network.apply({'params': params}, images, soft)
      return optax.softmax_cross_entropy(logits, targets).mean(), logits

    return jax.value_and_grad(loss, has_aux=True)(params)

  def summed(
    params: Any, vectors: Array, batch: Any, alone: Array | bool = False
  ):
    labels = jnp.asarray(batch['label'])
    if labels.ndim == 1:
      labels = jax.nn.one_hot(labels, classes)
    right = jnp.argmax(labels, -1)

    def learn(carry, vector: Array, first: Array):
      total, targets = carry
      (loss, logits), grads = gradient_of(
        params, vector, batch['image'], targets
      )
      total = jax.tree.map(jnp.add, total, grads)
      targets = jnp.where(first, jax.nn.softmax(logits), targets)
      accuracy = jnp.mean(jnp.argmax(logits, -1) == right)
      return (total, targets), (loss, accuracy)

    def leave(carry, vector: Array, first: Array):
      del vector, first
      return carry, (jnp.zeros(()), jnp.zeros(()))

    # one copy of the network is compiled, for all of them
    def body(carry, row: tuple[Array, Array]):
      vector, first = row
      return jax.lax.cond(first | ~alone, learn, leave, carry, vector, first)

    alone = jnp.asarray(alone)
    first = jnp.arange(len(vectors)) == 0
    smooth = optax.smooth_labels(labels, smoothing)
    start = (jax.tree.map(jnp.zeros_like, params), smooth)
    (total, _), scores = jax.lax.scan(body, start, (vectors, first))
    return total, *scores

  return summed


def sandwich_step(
  space: SearchSpace,
  optimizer: optax.GradientTransformation,
  settings: Settings,
) -> Callable[[TrainState, Any], tuple[TrainState, dict[str, Array]]]:
  """Returns the step (state, batch) -> (state, metrics).

  A batch is {'image', 'label', 'resolution'}; the last one is a plain int, the
  side that images are resized to. It is compiled once a resolution.
  """
  smallest, largest = space.smallest(), space.largest()
  fixed = jnp.asarray([largest, smallest])
  gradient = summed_gradient(space, settings.smoothing)

  def step(state: TrainState, images: Array, labels: Array, side: int):
    key = seed_key(settings.seed, state.step, RANDOM_ARCHS)
    vectors = jnp.concatenate([fixed, random_vectors(space, key)])
    batch = {'image': resized(images, side), 'label': labels}
    alone = state.step < settings.warm_up
    grads, losses, accuracies = gradient(state.params, vectors, batch, alone)
    norm = global_norm(grads)
    metrics = {
      'loss': losses[0],
      'accuracy': accuracies[0],
      'smallest_loss': losses[1],
      'smallest_accuracy': accuracies[1],
      'random_loss': losses[2:].mean(),
      'random_accuracy': accuracies[2:].mean(),
      'grad_norm': norm,
    }
    after = take_step(
      state, optimizer, grads, state.model_state, watched=(losses.sum(), norm)
    )
    return after, metrics

  compiled = jax.jit(step, static_argnums=3, donate_argnums=0)
  return lambda state, batch: compiled(
    state, batch['image'], batch['label'], batch['resolution']
  )


def record(metrics: Mapping[str, Any]) -> dict[str, float]:
  """What of a step's metrics is written; in a warm-up nothing of networks that
  were not trained."""
  found = {name: float(value) for name, value in metrics.items()}
  if not found['random_loss']:
    return {name: found[name] for name in ('loss', 'accuracy', 'grad_norm')}
  return found
