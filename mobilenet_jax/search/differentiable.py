"""Differentiable search: Gumbel-softmax, and the exact expected latency.

A step trains the shared weights on a soft network, whose decisions are mixtures
of their choices (FBNet, arXiv 1812.03443); then it takes the gradient of
another one's loss, on held-out images, to the logits of the decisions. Channels
are mixed as masks (FBNetV2, arXiv 2004.05565), kernels as sums. The latency
that is minded is the mean over the networks that the logits stand for, exactly
(ProxylessNAS, arXiv 1812.00332, equation 4).

Differences from FBNet: weights and logits take turns step by step and not epoch
by epoch; the expected latency is that of the probabilities and not of the
drawn mixture, so that it has no noise; there is no weight decay on the logits;
and the result is chosen as `jobs.one_shot` does, by the shared weights among
likely networks of the wanted latency.

Every soft network holds all choices, so a step costs what the largest network
does, and every operation of a choice of them, forward and backward, twice.

The resolution cannot be searched so: features of different sizes have no
mixture, and a mixture of the logits of whole networks, one a resolution, is no
network with choices in it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import struct
from jax import Array

from mobilenet_jax.latency.ingraph import PriceArrays
from mobilenet_jax.latency.tensors import BlockPrices
from mobilenet_jax.search import controller, penalties
from mobilenet_jax.search.replicas import ONE, Replicas
from mobilenet_jax.search.shared import (
  LossFn,
  Soft,
  initial_weights,
  weights_step,
)
from mobilenet_jax.space import SearchSpace
from mobilenet_jax.supernet.network import SuperNetwork
from mobilenet_jax.supernet.support import check_mixable
from mobilenet_jax.tasks.distillation import Teacher
from mobilenet_jax.train.state import TrainState, seed_key

TRAIN_NOISE, LOGITS_NOISE = range(14, 16)  # random streams

# (params, soft choice, batch) -> (loss, quality)
Evaluate = Callable[[Any, Soft, Any], tuple[Array, Array]]


@struct.dataclass
class ArchitectureState:
  """What is known of the architecture.

  Attributes:
    logits: [decisions, most choices], -inf where there is no choice.
    opt_state: of Adam.
  """

  logits: Array
  opt_state: optax.OptState


@struct.dataclass
class DifferentiableState:
  """What a search carries from step to step."""

  weights: TrainState
  architecture: ArchitectureState

  @property
  def step(self) -> Array:
    """Number of steps taken."""
    return self.weights.step


@dataclass(frozen=True)
class Settings:
  """Of a differentiable search.

  Attributes:
    steps: length of the search.
    targets_ms: latency to mind, on each device that prices are given of.
    penalty: of `penalties.PENALTIES`, with its weight and its exponent.
    learning_rate: of the logits, by Adam.
    warm_up: share of the steps in which only weights are trained.
    temperature: of the Gumbel-softmax, at the first and at the last step;
      exponential between them.
    seed: of every draw.
  """

  steps: int
  targets_ms: tuple[float, ...]
  penalty: str
  weight: float
  exponent: float
  learning_rate: float
  warm_up: float
  temperature: tuple[float, float]
  seed: int


def create(sizes: Sequence[int]) -> ArchitectureState:
  """Even odds for the choices of every decision."""
  logits = jnp.where(controller.valid(sizes), 0.0, -jnp.inf)
  logits = logits.astype(jnp.float32)
  return ArchitectureState(logits, optax.scale_by_adam().init(logits))


def initial_state(
  space: SearchSpace, optimizer: optax.GradientTransformation, seed: int
) -> DifferentiableState:
  """The state before the first step."""
  weights = initial_weights(space, optimizer, seed)
  return DifferentiableState(weights, create(list(space.decisions.values())))


def temperature(step: Array | int, settings: Settings) -> Array:
  """Of the Gumbel-softmax in a step."""
  first, last = settings.temperature
  return jnp.asarray(first) * (last / first) ** (step / settings.steps)


def gumbel_softmax(
  logits: Array, decisions: Mapping[str, int], heat: Array, key: Array
) -> dict[str, Array]:
  """A random mixture of the choices of every decision, by tag.

  softmax((logits + Gumbel noise) / heat), arXiv 1611.01144: near one-hot, drawn
  as the logits say, where the heat is small.

  Args:
    logits: [decisions, most choices].
    decisions: number of choices by tag, in order.
  """
  noisy = (logits + jax.random.gumbel(key, logits.shape)) / heat
  return {
    tag: jax.nn.softmax(noisy[i, :size])
    for i, (tag, size) in enumerate(decisions.items())
  }


def architecture_step(
  decisions: Mapping[str, int],
  prices: Sequence[Sequence[BlockPrices]],
  settings: Settings,
  evaluate: Evaluate,
  replicas: Replicas = ONE,
) -> Callable[..., tuple[ArchitectureState, dict[str, Array]]]:
  """Returns (state, params, step, batch) -> (state, metrics).

  Args:
    decisions: number of choices by tag, in order.
    prices: of the space, one for each of `settings.targets_ms`.
    evaluate: a soft network, differentiable in the soft choice.
  """
  arrays = [PriceArrays.of(own, len(decisions)) for own in prices]
  sizes = list(decisions.values())

  def move(
    state: ArchitectureState, params: Any, step: Array, batch: Any
  ) -> tuple[ArchitectureState, dict[str, Array]]:
    key = replicas.own(seed_key(settings.seed, step, LOGITS_NOISE))
    heat = temperature(step, settings)

    def objective(logits: Array):
      soft = gumbel_softmax(logits, decisions, heat, key)
      loss, quality = evaluate(params, soft, batch)
      odds = [jax.nn.softmax(logits[i, :n]) for i, n in enumerate(sizes)]
      expected = [phone.expected(odds) for phone in arrays]
      value = penalties.over_devices(
        settings.penalty, loss, expected, settings.targets_ms,
        settings.weight, settings.exponent,
      )  # fmt: skip
      return value, (quality, jnp.stack(expected))

    grad_fn = jax.value_and_grad(objective, has_aux=True)
    found, grads = replicas.mean(grad_fn(state.logits))
    value, (quality, expected) = found
    grads = jnp.where(jnp.isfinite(state.logits), grads, 0.0)
    step_, opt_state = optax.scale_by_adam().update(grads, state.opt_state)
    assert isinstance(step_, Array)
    logits = state.logits - settings.learning_rate * step_
    metrics = {
      'objective': value,
      'held_out_accuracy': quality,
      'latency_ms': expected[0],
    }
    if len(arrays) > 1:
      metrics['latency_on'] = expected[1:]
    return ArchitectureState(logits, opt_state), metrics

  return move


def search_step(
  space: SearchSpace,
  prices: Sequence[Sequence[BlockPrices]],
  optimizer: optax.GradientTransformation,
  settings: Settings,
  *,
  loss: LossFn,
  quality: LossFn,
  replicas: Replicas = ONE,
) -> Callable[..., tuple[DifferentiableState, dict[str, Array]]]:
  """Returns the compiled step (state, batch, teacher=None) -> (state, metrics).

  A batch is {'train': {image, label}, 'held_out': {image, label}}; see
  `architecture_step` for the prices and `shared.weights_step` for the rest.

  Raises:
    UserError: the resolution is searched.
  """
  check_mixable(space.spec)
  network = SuperNetwork(space.spec)
  train = weights_step(
    space, optimizer, loss=loss, quality=quality, replicas=replicas
  )

  def evaluate(params: Any, soft: Soft, batch: Any) -> tuple[Array, Array]:
    out: Any = network.apply({'params': params}, batch['image'], soft)
    return loss(out, batch['label']), quality(out, batch['label'])

  move = architecture_step(
    space.decisions, prices, settings, evaluate, replicas
  )

  def step(state: DifferentiableState, batch: Any, teacher: Teacher | None):
    start, logits = state.step, state.architecture.logits
    soft = gumbel_softmax(
      logits,
      space.decisions,
      temperature(start, settings),
      replicas.own(seed_key(settings.seed, start, TRAIN_NOISE)),
    )
    weights, metrics = train(state.weights, soft, batch['train'], teacher)

    def moved():
      return move(state.architecture, weights.params, start, batch['held_out'])

    def rested():
      made = jax.eval_shape(moved)[1]
      nothing = {k: jnp.zeros(v.shape, v.dtype) for k, v in made.items()}
      return state.architecture, nothing

    begun = start >= settings.warm_up * settings.steps
    architecture, scores = jax.lax.cond(begun, moved, rested)
    metrics |= scores
    metrics['entropy'] = controller.entropies(architecture.logits)
    metrics['logits'] = architecture.logits
    return DifferentiableState(weights, architecture), metrics

  return replicas.compiled(step)
