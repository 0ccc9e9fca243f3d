"""One-shot search, TuNAS's way, in one compiled step.

A step samples a network and trains the shared weights on it; then samples
networks again, scores each by its accuracy on held-out images and by its
price, and moves the controller. arXiv 2008.06120; settings in the config.

On many devices each samples, trains and scores its own networks on its own rows
of the batches, with batch norm over those; weights take the mean of the
gradients, and the controller's baseline is the mean reward of all devices.

Differences from the paper: a device scores `samples` networks a step, as as
many devices would, and they share its held-out rows; they are drawn anew, and
not those that were just trained; nothing is scored while the controller's
learning rate is 0; the warm-ups may stay at 1 for a share of their time before
they fall (`warm_up_hold`), which a search of minutes needs to leave chance
level; kernels are centres of one kernel, so that the average of all of them is
taken before batch norm; and the controller's likeliest network is not taken
blindly: it is compared, with the shared weights and on held-out images, with
others that the controller draws within the latency window. A searched
resolution, which TuNAS has not, is drawn once a step by the controller's odds,
for all networks that the step trains and scores; images are resized to it from
the largest.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import struct
from jax import Array
from jax.typing import ArrayLike

from mobilenet_jax.latency.ingraph import PriceArrays
from mobilenet_jax.latency.tensors import BlockPrices
from mobilenet_jax.search import controller, rewards
from mobilenet_jax.search.controller import ControllerState
from mobilenet_jax.search.replicas import ONE, Replicas
from mobilenet_jax.search.resolution import (
  Step,
  at,
  by_resolution,
  resized,
  side_of,
)
from mobilenet_jax.search.shared import (
  LossFn,
  initial_weights,
  weights_step,
)
from mobilenet_jax.space import SearchSpace
from mobilenet_jax.space.reach import reach_tensor
from mobilenet_jax.space.roles import filter_tags
from mobilenet_jax.supernet.network import SuperNetwork
from mobilenet_jax.tasks.distillation import Teacher
from mobilenet_jax.train.state import TrainState, seed_key

TRAIN_ARCH, WARM_UP, SCORE_ARCH = range(11, 14)  # random streams
SCORES = ('reward', 'objective', 'held_out_accuracy', 'latency_ms')


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
    beta: price of missing it, of the reward.
    learning_rate: of the controller, when it starts; it grows tenfold.
    warm_up: share of the steps before it starts, in which operations and
      widths are warmed up.
    warm_up_hold: share of the warm-up before its odds fall; 0 is TuNAS.
    samples: networks scored a step, by each device.
    seed: of every draw.
    reward: of `rewards.REWARDS`.
    more_targets_ms: latencies to land on on further phones.
  """

  steps: int
  target_ms: float
  beta: float
  learning_rate: float
  warm_up: float
  samples: int
  seed: int
  warm_up_hold: float = 0.0
  reward: str = 'absolute'
  more_targets_ms: tuple[float, ...] = ()


def warm_up_probability(
  step: ArrayLike, steps: int, warm_up: float, hold: float
) -> Array:
  """How likely operations are averaged (and widths the largest) in a step: 1
  while it is held, then falling to 0; see `Settings`."""
  left = 1.0 - jnp.asarray(step) / max(warm_up * steps, 1)
  return jnp.clip(left / (1.0 - hold), 0.0, 1.0)


def learning_rate(step: ArrayLike, settings: Settings) -> Array:
  """Of the controller, once it has started: tenfold from its first step to the
  search's end (TuNAS)."""
  delay = settings.warm_up * settings.steps
  progress = (jnp.asarray(step) - delay) / max(settings.steps - delay, 1)
  return settings.learning_rate * 10.0 ** jnp.clip(progress, 0.0, 1.0)


def initial_state(
  space: SearchSpace, optimizer: optax.GradientTransformation, seed: int
) -> SearchState:
  """The state before the first step."""
  weights = initial_weights(space, optimizer, seed)
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


def scorer(space: SearchSpace, quality: LossFn) -> Callable[..., Array]:
  """Returns (shared weights, choice vector, batch, side=None) -> quality of a
  network with the weights it shares, on images resized to a side."""
  network = SuperNetwork(space.spec)

  def score(
    params: Any, vector: Array, batch: Any, side: int | None = None
  ) -> Array:
    choice = soft_choice(space, vector)
    images = resized(batch['image'], side)
    out: Any = network.apply({'params': params}, images, choice)
    return quality(out, batch['label'])

  return score


def judge(
  space: SearchSpace, params: Any, quality: LossFn, batches: Sequence[Any]
) -> Callable[[Sequence[int]], float]:
  """Returns choice vector -> mean quality over held-out batches, with the
  weights it shares and at its resolution; one program a resolution."""
  score = jax.jit(scorer(space, quality), static_argnames='side')

  def judged(vector: Sequence[int]) -> float:
    chosen, side = jnp.asarray(vector), space.resolution_of(vector)
    scores = [float(score(params, chosen, b, side=side)) for b in batches]
    return sum(scores) / len(scores)

  return judged


def search_step(
  space: SearchSpace,
  prices: Sequence[BlockPrices],
  optimizer: optax.GradientTransformation,
  settings: Settings,
  *,
  loss: LossFn,
  quality: LossFn,
  more_prices: Sequence[Sequence[BlockPrices]] = (),
  replicas: Replicas = ONE,
) -> Step:
  """Returns the compiled step (state, batch, teacher=None) -> (state, metrics).

  A batch is {'train': {image, label}, 'held_out': {image, label}}. Where the
  resolution is searched there is a program for each, see `search.resolution`.

  Args:
    prices: of the space, on the phone of `settings.target_ms`.
    more_prices: on the phones of `settings.more_targets_ms`.
    replicas: the devices; state and batches live as their layout says.
  """
  phones = (prices, *more_prices)
  arrays = [PriceArrays.of(own, len(space.tags)) for own in phones]
  targets = (settings.target_ms, *settings.more_targets_ms)
  reach = jnp.asarray(reach_tensor(space))
  score = scorer(space, quality)

  def drawn(state: SearchState) -> dict[str, Array]:
    vector = controller.sample(
      state.controller.logits,
      replicas.own(seed_key(settings.seed, state.step, TRAIN_ARCH)),
    )
    odds = warm_up_probability(
      state.step, settings.steps, settings.warm_up, settings.warm_up_hold
    )
    warm = jax.random.uniform(
      replicas.own(seed_key(settings.seed, state.step, WARM_UP)), (2,)
    )
    return soft_choice(space, vector, *(warm < odds))

  def move(
    state: ControllerState,
    params: Any,
    step: Array,
    batch: Any,
    index: int | None,
  ):
    keys = jax.random.split(
      replicas.own(seed_key(settings.seed, step, SCORE_ARCH)), settings.samples
    )
    sample = lambda key: at(index, controller.sample(state.logits, key))
    vectors = jax.vmap(sample)(keys)
    side = side_of(space, index)
    qualities = jax.lax.map(lambda v: score(params, v, batch, side), vectors)
    vectors, qualities = (
      replicas.gathered(vectors),
      replicas.gathered(qualities),
    )
    latencies = [phone.price(vectors) for phone in arrays]
    gains = rewards.over_devices(
      settings.reward, qualities, latencies, targets, settings.beta
    )
    rate = learning_rate(step, settings)
    moved = controller.update(state, vectors, gains, reach, rate)
    means = [value.mean() for value in (gains, qualities, *latencies)]
    return moved, means

  def step(
    state: SearchState, batch: Any, teacher: Teacher | None, index: int | None
  ):
    start, held_out = state.step, batch['held_out']
    train = weights_step(
      space,
      optimizer,
      loss=loss,
      quality=quality,
      replicas=replicas,
      side=side_of(space, index),
    )
    weights, metrics = train(
      state.weights, drawn(state), batch['train'], teacher
    )
    nothing = [jnp.zeros(())] * (2 + len(arrays))
    moved, scores = jax.lax.cond(
      start >= settings.warm_up * settings.steps,
      lambda: move(state.controller, weights.params, start, held_out, index),
      lambda: (state.controller, nothing),
    )
    names = ('reward', 'held_out_accuracy', 'latency_ms')
    metrics |= dict(zip(names, scores[:3], strict=True))
    if len(arrays) > 1:
      metrics['latency_on'] = jnp.stack(scores[3:])
    metrics['entropy'] = controller.entropies(moved.logits)
    metrics['logits'] = moved.logits
    return SearchState(weights, moved), metrics

  def step_at(index: int | None) -> Step:
    return replicas.compiled(functools.partial(step, index=index))

  logits_of = lambda state: state.controller.logits
  return by_resolution(space, step_at, settings.seed, logits_of)


def record(
  space: SearchSpace,
  price_of: Callable[[Sequence[int]], float],
  phones: Sequence[str] = (),
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
  """Returns what of a step's metrics is written: plain numbers, the entropy
  of each decision, and the price of the likeliest network.

  Args:
    phones: names of those of 'latency_on', where a step has them.
  """

  def plain(metrics: Mapping[str, Any]) -> dict[str, Any]:
    entropy = [float(e) for e in metrics['entropy']]
    likeliest = np.argmax(metrics['logits'], 1)
    scalars = {k: float(v) for k, v in metrics.items() if np.ndim(v) == 0}
    known: dict[str, Any] = {}
    if not scalars['latency_ms']:  # the controller has not started
      for name in SCORES:
        scalars.pop(name, None)
    elif 'latency_on' in metrics:
      means = [float(ms) for ms in metrics['latency_on']]
      known['latency_on'] = dict(zip(phones, means, strict=True))
    return {
      **scalars,
      **known,
      'likeliest_latency_ms': price_of([int(i) for i in likeliest]),
      'entropy': dict(zip(space.tags, entropy, strict=True)),
    }

  return plain
