"""Many networks of a space trained at once, in one compiled program.

Each candidate is the weight-sharing network of a space, masked by a choice
vector, with weights, an optimizer and first weights of its own. The vectors
are inputs: one program trains every network of a space.

All candidates of a step see the same images; a call of `jobs.many` gives them
an order of its own for each seed.

How they share a program ('how'): on CPU one after another ('map'), elsewhere
side by side ('vmap'), so that small networks fill the device (not measured).
Measured on a CPU that was not idle, 8 networks of 0.87 million multiply-adds at
32 px, batches of 64: map 18 ms of a core a network and step, vmap 49 ms. Side
by side every branch is taken, so that all pay for the largest kernel and depth,
and the compiled CPU kernels run one network at a time anyway. On CPU a step
costs a network as much with 8 in a program as with 1; what is shared is
compiling, and making batches.

The images of a program have one size: a space that searches its resolution is
refused.

Differences from training a network on its own: its first weights are a part of
those of the largest network, whose fan-in sets their scale (batch norm undoes
that in what is computed, not in how fast weights turn); and evaluation uses
the statistics of the batch that is evaluated, so batches should be large.
"""

from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.typing import ArrayLike

from mobilenet_jax.models.builder import image_shape
from mobilenet_jax.space import SearchSpace
from mobilenet_jax.supernet.masks import one_hot
from mobilenet_jax.supernet.network import SuperNetwork
from mobilenet_jax.supernet.support import check_together
from mobilenet_jax.train.state import (
  INIT,
  TrainState,
  create_state,
  take_step,
)

How = Literal['auto', 'map', 'vmap']
Measure = Callable[[Array, Array], Array]  # (logits, labels) -> scalar


def _network(space: SearchSpace) -> SuperNetwork:
  """Raises UserError where candidates would see images of several sizes."""
  check_together(space.spec)
  return SuperNetwork(space.spec)


def over_candidates(
  function: Callable[..., Any], how: How = 'auto'
) -> Callable[..., Any]:
  """`function` over the first axis of each of its arguments."""
  if how == 'auto':
    how = 'map' if jax.default_backend() == 'cpu' else 'vmap'
  if how == 'vmap':
    return jax.vmap(function)
  return lambda *parts: jax.lax.map(lambda part: function(*part), parts)


def initial_states(
  space: SearchSpace, optimizer: optax.GradientTransformation
) -> Callable[[ArrayLike], TrainState]:
  """Returns compiled (seeds) -> the states of K candidates before the first
  step; their arrays are [K, ...].

  The seeds are int32 [K], at least 0. A candidate's weights depend on its seed
  alone.

  Args:
    optimizer: of `train.optimizers`.
  """
  network = _network(space)
  images = jnp.zeros(image_shape(space.spec))
  soft = one_hot(space, jnp.zeros(len(space.tags), jnp.int32))

  def first(seed: Array) -> TrainState:
    key = jax.random.fold_in(jax.random.key(seed), INIT)
    variables = network.init(key, images, soft)
    return create_state(variables, optimizer)

  return jax.jit(
    lambda seeds: over_candidates(first, 'map')(jnp.asarray(seeds))
  )


def train_step(
  space: SearchSpace,
  optimizer: optax.GradientTransformation,
  *,
  loss: Measure,
  how: How = 'auto',
) -> Callable[[TrainState, Array, Any], tuple[TrainState, Array]]:
  """Returns the compiled step (states, vectors, batch) -> (states, losses).

  The vectors are int32 [K, decisions], the losses [K]; the batch is {image:
  [N, H, W, C], label: [N]}, seen by all. A candidate whose loss is not finite
  keeps its weights from then on; see `train.state.TrainState.finite`.
  """
  network = _network(space)

  def step(state: TrainState, vector: Array, batch: Any):
    soft = one_hot(space, vector)

    def value_of(params: Any) -> Array:
      logits: Any = network.apply({'params': params}, batch['image'], soft)
      return loss(logits, batch['label'])

    value, grads = jax.value_and_grad(value_of)(state.params)
    after = take_step(
      state, optimizer, grads, state.model_state, watched=(value,)
    )
    return after, value

  def all_of(states: TrainState, vectors: Array, batch: Any):
    each = over_candidates(lambda s, v: step(s, v, batch), how)
    return each(states, vectors)

  return jax.jit(all_of, donate_argnums=0)


def scorer(
  space: SearchSpace, quality: Measure, *, how: How = 'auto'
) -> Callable[[Any, Array, Any], Array]:
  """Returns compiled (params, vectors, batch) -> [K] qualities, each by the
  batch's own statistics."""
  network = _network(space)

  def score(params: Any, vector: Array, batch: Any) -> Array:
    soft = one_hot(space, vector)
    logits: Any = network.apply({'params': params}, batch['image'], soft)
    return quality(logits, batch['label'])

  def all_of(params: Any, vectors: Array, batch: Any) -> Array:
    each = over_candidates(lambda p, v: score(p, v, batch), how)
    return each(params, vectors)

  return jax.jit(all_of)
