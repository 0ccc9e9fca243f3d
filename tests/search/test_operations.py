"""Searches with operations and a resolution to choose."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.ingraph import PriceArrays
from mobilenet_jax.latency.tensors import price_tensors, space_keys
from mobilenet_jax.search import controller, differentiable, oneshot, sandwich
from mobilenet_jax.search.resolution import generator, resized
from mobilenet_jax.supernet import many
from mobilenet_jax.supernet.network import SuperNetwork
from mobilenet_jax.train.state import seed_key
from tests.latency.toy import toy_table
from tests.search.toy import FUNCTIONS, RULE, SETTINGS, batches
from tests.supernet.toys import brief, one_hot, weights
from tests.train.toy import same

SPACE = brief()
PRICES = price_tensors(SPACE.spec, toy_table(space_keys(SPACE.spec)))
TUNAS = dataclasses.replace(SETTINGS, warm_up=0.0, seed=3)
BATCHES = batches(4)


@pytest.fixture(scope='module')
def step():
  return oneshot.search_step(SPACE, PRICES, RULE, TUNAS, **FUNCTIONS)


@pytest.fixture(scope='module')
def taken(step):
  """States before each of four steps, on the host, and their metrics."""
  state, states, metrics = oneshot.initial_state(SPACE, RULE, 3), [], []
  for batch in BATCHES:
    states.append(jax.tree.map(np.asarray, state))
    state, found = step(state, batch)
    metrics.append(found)
  return [*states, state], metrics


def sides(count):
  """Indices of the resolution while the odds are even, or nearly."""
  rngs = [generator(3, i) for i in range(count)]
  return [int(rng.choice(2, p=[0.5, 0.5])) for rng in rngs]


def test_all_networks_of_a_step_have_the_resolution_that_is_drawn(taken):
  states, metrics = taken
  assert set(sides(4)) == {0, 1}
  network, prices = SuperNetwork(SPACE.spec), PriceArrays.of(PRICES, 4)
  for i, index in enumerate(sides(4)):
    logits, params = states[i].controller.logits, states[i].weights.params
    vector = controller.sample(logits, seed_key(3, i, oneshot.TRAIN_ARCH))
    part = BATCHES[i]['train']
    images = resized(jnp.asarray(part['image']), SPACE.resolutions[index])
    out = network.apply({'params': params}, images, one_hot(SPACE, vector))
    loss = FUNCTIONS['loss'](out, part['label'])
    np.testing.assert_allclose(metrics[i]['loss'], loss, rtol=1e-3)
    keys = jax.random.split(seed_key(3, i, oneshot.SCORE_ARCH), TUNAS.samples)
    vectors = [controller.sample(logits, k).at[0].set(index) for k in keys]
    ms = prices.price(jnp.stack(vectors)).mean()
    np.testing.assert_allclose(metrics[i]['latency_ms'], ms, rtol=1e-4)
  assert np.any(np.asarray(states[-1].controller.logits)[0])


def test_it_goes_on_exactly_where_it_was(taken, step):
  states, _ = taken
  state = jax.tree.map(jnp.asarray, states[2])
  for batch in BATCHES[2:]:
    state, _ = step(state, batch)
  same(state, states[-1])


def test_networks_are_judged_at_their_resolution(taken):
  params, held_out = taken[0][-1].weights.params, BATCHES[0]['held_out']
  judged = oneshot.judge(SPACE, params, FUNCTIONS['loss'], [held_out])
  network = SuperNetwork(SPACE.spec)
  for vector in ((0, 1, 0, 0), (1, 1, 0, 0)):
    side = SPACE.resolution_of(vector)
    images = resized(jnp.asarray(held_out['image']), side)
    out = network.apply({'params': params}, images, one_hot(SPACE, vector))
    wanted = FUNCTIONS['loss'](out, held_out['label'])
    np.testing.assert_allclose(judged(vector), wanted, rtol=1e-4)


def test_a_sandwich_trains_at_any_of_its_resolutions():
  settings = sandwich.Settings(0.1, 0, resolutions=SPACE.resolutions)
  step = sandwich.sandwich_step(SPACE, RULE, settings)
  state, losses = sandwich.initial_state(SPACE, RULE, 0), []
  for i, batch in enumerate(BATCHES):
    side = settings.resolution(i, SPACE.resolution)
    state, metrics = step(state, {**batch['train'], 'resolution': side})
    losses.append([metrics['loss'], metrics['smallest_loss']])
  assert {settings.resolution(i, 16) for i in range(4)} == {12, 16}
  assert np.all(np.isfinite(losses))
  assert int(state.step) == 4


def test_a_differentiable_search_mixes_operations_but_not_resolutions():
  settings = differentiable.Settings(
    steps=10, targets_ms=(0.008,), penalty='absolute', weight=1.0, exponent=1.0,
    learning_rate=0.01, warm_up=0.0, temperature=(5.0, 0.5), seed=0,
  )  # fmt: skip
  with pytest.raises(
    UserError, match='brief searches its resolution, and what'
  ):
    differentiable.search_step(SPACE, (PRICES,), RULE, settings, **FUNCTIONS)
  space = brief(16)
  prices = price_tensors(space.spec, toy_table(space_keys(space.spec)))
  step = differentiable.search_step(
    space, (prices,), RULE, settings, **FUNCTIONS
  )
  state = differentiable.initial_state(space, RULE, 0)
  before = jax.tree.map(np.asarray, state.weights.params['block_01'])
  state, metrics = step(state, BATCHES[0])
  logits = np.asarray(state.architecture.logits)[space.tags.index('op')]
  assert np.all(np.isfinite(logits)) and len(set(np.sign(logits))) > 1
  assert np.isfinite(metrics['objective'])
  after = state.weights.params['block_01']
  for name in before:  # each learns
    moved = [np.any(a != b) for a, b in zip(
      *map(jax.tree.leaves, (before[name], after[name])), strict=True
    )]  # fmt: skip
    assert all(moved), name


def test_many_networks_at_once_have_one_resolution():
  with pytest.raises(UserError, match='many networks in one program see'):
    many.scorer(SPACE, FUNCTIONS['quality'])
  space, part = brief(16), BATCHES[0]['held_out']
  vectors = jnp.asarray([[0, 1, 0], [1, 0, 1], [2, 0, 0]])
  network, soft = SuperNetwork(space.spec), one_hot(space, vectors[0])
  each = [weights(network, part['image'], soft, seed=i) for i in range(3)]
  stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *each)
  score = many.scorer(space, FUNCTIONS['loss'], how='vmap')
  found = score(stacked, vectors, part)
  for i, (vector, params) in enumerate(zip(vectors, each, strict=True)):
    soft = one_hot(space, vector)
    out = network.apply({'params': params}, part['image'], soft)
    wanted = FUNCTIONS['loss'](out, part['label'])
    np.testing.assert_allclose(found[i], wanted, rtol=1e-4)
