"""TuNAS's controller: one independent categorical a decision, REINFORCE.

arXiv 2008.06120 and google-research `tunas`. Logits are kept as one
[decisions, most choices] array; places beyond a decision's choices are -inf.
"""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import struct
from jax import Array

EMA_MOMENTUM = 0.95


@struct.dataclass
class ControllerState:
  """What a controller carries from step to step.

  Attributes:
    logits: [decisions, most choices].
    opt_state: of Adam.
    ema: moving average of the reward, from zero.
    count: number of updates of `ema`.
  """

  logits: Array
  opt_state: optax.OptState
  ema: Array
  count: Array


def adam() -> optax.GradientTransformation:
  """Adam(b1=0, b2=0.999, eps=1e-8); the learning rate comes with a step."""
  return optax.scale_by_adam(0.0, 0.999, 1e-8)


def create(sizes: Sequence[int]) -> ControllerState:
  """Uniform over each decision's number of choices."""
  logits = jnp.where(valid(sizes), 0.0, -jnp.inf).astype(jnp.float32)
  return ControllerState(
    logits,
    adam().init(logits),
    jnp.zeros((), jnp.float32),
    jnp.zeros((), jnp.float32),
  )


def valid(sizes: Sequence[int]) -> Array:
  """bool [decisions, most choices]: the places that are choices."""
  return jnp.arange(max(sizes)) < jnp.asarray(sizes)[:, None]


def sample(logits: Array, key: Array) -> Array:
  """A choice vector, int [decisions]."""
  return jax.random.categorical(key, logits)


def log_probability(logits: Array, vector: Array, reach: Array) -> Array:
  """Log-probability of the decisions of a choice vector that it reaches.

  Args:
    reach: see `space.reach.reach_tensor`.
  """
  logs = jax.nn.log_softmax(logits)[jnp.arange(len(vector)), vector]
  return jnp.sum(logs * reachable(reach, vector))


def reachable(reach: Array, vector: Array) -> Array:
  """bool [decisions]: those that matter in the network of a vector."""
  passes = reach[..., jnp.arange(len(vector)), vector]  # [ways, of, by]
  return passes.all(-1).any(0)


def entropies(logits: Array) -> Array:
  """Entropy of each decision in nats."""
  logs = jax.nn.log_softmax(logits)
  return -jnp.sum(jnp.where(jnp.isfinite(logs), jnp.exp(logs) * logs, 0.0), 1)


def update(
  state: ControllerState,
  vectors: Array,
  rewards: Array,
  reach: Array,
  learning_rate: Array,
) -> ControllerState:
  """One step of REINFORCE against a zero-debiased moving average.

  Args:
    vectors: [samples, decisions] that were drawn from the logits.
    rewards: [samples].
  """
  ema = EMA_MOMENTUM * state.ema + (1 - EMA_MOMENTUM) * rewards.mean()
  count = state.count + 1
  baseline = ema / (1 - EMA_MOMENTUM**count)
  advantages = jax.lax.stop_gradient(rewards - baseline)

  def loss(logits: Array) -> Array:
    logs = jax.vmap(lambda v: log_probability(logits, v, reach))(vectors)
    return -jnp.mean(advantages * logs)

  grads = jax.grad(loss)(state.logits)
  grads = jnp.where(jnp.isfinite(state.logits), grads, 0.0)
  step, opt_state = adam().update(grads, state.opt_state)
  assert isinstance(step, Array)
  return ControllerState(
    state.logits - learning_rate * step, opt_state, ema, count
  )


def soft_choices(
  vector: Array,
  tags: Mapping[str, int],
  *,
  filters: Mapping[str, int],
  all_operations: Array,
  all_filters: Array,
) -> dict[str, Array]:
  """A sampled choice as weights by tag, with TuNAS's warm-ups.

  Args:
    vector: int [decisions].
    tags: number of choices by tag.
    filters: the tags that set widths, and the index of the widest.
    all_operations: bool; operations become the average of all.
    all_filters: bool; widths become the largest.
  """
  soft = {}
  for i, (tag, size) in enumerate(tags.items()):
    chosen = jax.nn.one_hot(vector[i], size)
    if tag in filters:
      other = jnp.asarray(np.eye(size, dtype=np.float32)[filters[tag]])
      soft[tag] = jnp.where(all_filters, other, chosen)
    else:
      other = jnp.full(size, 1 / size)
      soft[tag] = jnp.where(all_operations, other, chosen)
  return soft
