"""One-shot search, TuNAS's way, in one compiled step.

A step samples a network and trains the shared weights on it; then samples
networks again, scores each by its accuracy on held-out images and by its
price, and moves the controller. arXiv 2008.06120; settings in the config.

Differences from the paper: one device draws `samples` networks a step, as as
many devices would, and they share one held-out batch; nothing is scored while
the controller's learning rate is 0; the warm-ups stay at 1 for half of their
time before they fall, which a search of minutes needs to leave chance level;
kernels are centres of one kernel, so that the average of all of them is taken
before batch norm; and the controller's likeliest network is not taken blindly:
it is compared, with the shared weights and on held-out images, with others that
the controller draws within the latency window.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import struct
from jax import Array

from mobilenet_jax.latency.ingraph import PriceArrays
from mobilenet_jax.latency.tensors import BlockPrices
from mobilenet_jax.models.builder import image_shape
from mobilenet_jax.search import controller, rewards
from mobilenet_jax.search.controller import ControllerState
from mobilenet_jax.space import SearchSpace
from mobilenet_jax.space.reach import reach_tensor
from mobilenet_jax.space.roles import filter_tags
from mobilenet_jax.supernet.network import SuperNetwork
from mobilenet_jax.tasks.distillation import Teacher
from mobilenet_jax.train.state import (
  TrainState,
  create_state,
  init_quickly,
  seed_key,
  take_step,
)

TRAIN_ARCH, WARM_UP, SCORE_ARCH = range(11, 14)  # random streams

LossFn = Callable[[Array, Array], Array]  # (logits, labels) -> scalar


@struct.dataclass
class SearchState:
  """What a search carries from step to step."""

  weights: TrainState
  controller: ControllerState

  @property
  def step(self) -> Array:
    """Number of steps taken."""
    return self.weights.step


@dataclass(frozen=True)
class Settings:
  """Of a one-shot search.

  Attributes:
    steps: length of the search.
    target_ms: latency to land on.
    beta: price of missing it, see `rewards.absolute`.
    learning_rate: of the controller, when it starts; it grows tenfold.
    warm_up: share of the steps before it starts, in which operations and
      widths are warmed up.
    samples: networks scored a step.
    seed: of every draw.
  """

  steps: int
  target_ms: float
  beta: float
  learning_rate: float
  warm_up: float
  samples: int
  seed: int


def warm_up_probability(step: Array | int, settings: Settings) -> Array:
  """How likely operations are averaged (and widths the largest) in a step:
  1 for half of the warm-up, then falling to 0."""
  left = 1.0 - step / max(settings.warm_up * settings.steps, 1)
  return jnp.clip(2.0 * left, 0.0, 1.0)


def initial_state(
  space: SearchSpace, optimizer: optax.GradientTransformation, seed: int
) -> SearchState:
  """The state before the first step."""
  spec = space.spec
  shape = image_shape(spec)
  soft = {tag: jnp.full(n, 1 / n) for tag, n in space.decisions.items()}
  init = SuperNetwork(spec).init
  variables = init_quickly(init, seed, jnp.zeros(shape), soft)
  weights = create_state(variables, optimizer)
  sizes = list(space.decisions.values())
  return SearchState(weights, controller.create(sizes))


def soft_choice(
  space: SearchSpace,
  vector: Array,
  all_operations: Array | bool = False,
  all_filters: Array | bool = False,
) -> dict[str, Array]:
  """A choice vector as weights by tag; see `controller.soft_choices`."""
  return controller.soft_choices(
    vector,
    space.decisions,
    filters=filter_tags(space.spec),
    all_operations=jnp.asarray(all_operations),
    all_filters=jnp.asarray(all_filters),
  )


def scorer(
  space: SearchSpace, quality: LossFn
) -> Callable[[Any, Array, Any], Array]:
  """Returns (shared weights, choice vector, batch) -> quality of a network
  with the weights it shares."""
  network = SuperNetwork(space.spec)

  def score(params: Any, vector: Array, batch: Any) -> Array:
    choice = soft_choice(space, vector)
    out: Any = network.apply({'params': params}, batch['image'], choice)
    return quality(out, batch['label'])

  return score


def judge(
  params: Any,
  score: Callable[[Any, Array, Any], Array],
  batches: Sequence[Any],
) -> Callable[[Sequence[int]], float]:
  """Returns choice vector -> mean quality over held-out batches, with the
  weights it shares."""
  compiled = jax.jit(score)

  def quality(vector: Sequence[int]) -> float:
    chosen = jnp.asarray(vector)
    total = sum(float(compiled(params, chosen, b)) for b in batches)
    return total / len(batches)

  return quality


def search_step(
  space: SearchSpace,
  prices: Sequence[BlockPrices],
  optimizer: optax.GradientTransformation,
  settings: Settings,
  *,
  loss: LossFn,
  quality: LossFn,
) -> Callable[..., tuple[SearchState, dict[str, Array]]]:
  """Returns the compiled step (state, batch, teacher=None) -> (state, metrics).

  A batch is {'train': {image, label}, 'held_out': {image, label}}. Of a teacher
  the shared weights learn, whichever network is sampled; its soft labels only.
  """
  network = SuperNetwork(space.spec)
  arrays = PriceArrays.of(prices, len(space.tags))
  reach = jnp.asarray(reach_tensor(space))
  score = scorer(space, quality)

  def train(
    state: TrainState, logits: Array, batch: Any, teacher: Teacher | None
  ):
    vector = controller.sample(
      logits, seed_key(settings.seed, state.step, TRAIN_ARCH)
    )
    odds = warm_up_probability(state.step, settings)
    warm = jax.random.uniform(
      seed_key(settings.seed, state.step, WARM_UP), (2,)
    )
    choice = soft_choice(space, vector, *(warm < odds))

    def loss_fn(params: Any) -> tuple[Array, Array]:
      out: Any = network.apply({'params': params}, batch['image'], choice)
      value = loss(out, batch['label'])
      if teacher:
        value = teacher.loss(value, space.spec, params, out, batch['image'])
      return value, quality(out, batch['label'])

    grad_fn = jax.value_and_grad(loss_fn, has_aux=True)
    (value, accuracy), grads = grad_fn(state.params)
    state = take_step(state, optimizer, grads, state.model_state)
    return state, {'loss': value, 'accuracy': accuracy}

  def move(state: ControllerState, params: Any, step: Array, batch: Any):
    keys = jax.random.split(
      seed_key(settings.seed, step, SCORE_ARCH), settings.samples
    )
    vectors = jax.vmap(lambda k: controller.sample(state.logits, k))(keys)
    qualities = jax.lax.map(lambda v: score(params, v, batch), vectors)
    latencies = arrays.price(vectors)
    gains = rewards.absolute(
      qualities, latencies, settings.target_ms, settings.beta
    )
    rate = settings.learning_rate * 10 ** (step / settings.steps)
    moved = controller.update(state, vectors, gains, reach, rate)
    return moved, (gains.mean(), qualities.mean(), latencies.mean())

  def step(state: SearchState, batch: Any, teacher: Teacher | None = None):
    start = state.step
    weights, metrics = train(
      state.weights, state.controller.logits, batch['train'], teacher
    )
    nothing = (jnp.zeros(()),) * 3
    moved, scores = jax.lax.cond(
      start >= settings.warm_up * settings.steps,
      lambda: move(state.controller, weights.params, start, batch['held_out']),
      lambda: (state.controller, nothing),
    )
    names = ('reward', 'held_out_accuracy', 'latency_ms')
    metrics |= dict(zip(names, scores, strict=True))
    metrics['entropy'] = controller.entropies(moved.logits)
    metrics['logits'] = moved.logits
    return SearchState(weights, moved), metrics

  return jax.jit(step, donate_argnums=0)


def record(
  space: SearchSpace, price_of: Callable[[Sequence[int]], float]
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
  """Returns what of a step's metrics is written: plain numbers, the entropy
  of each decision, and the price of the likeliest network."""

  def plain(metrics: Mapping[str, Any]) -> dict[str, Any]:
    entropy = [float(e) for e in metrics['entropy']]
    likeliest = np.argmax(metrics['logits'], 1)
    scalars = {k: float(v) for k, v in metrics.items() if np.ndim(v) == 0}
    if not scalars['latency_ms']:  # the controller has not started
      for name in ('reward', 'held_out_accuracy', 'latency_ms'):
        del scalars[name]
    return {
      **scalars,
      'likeliest_latency_ms': price_of([int(i) for i in likeliest]),
      'entropy': dict(zip(space.tags, entropy, strict=True)),
    }

  return plain
