"""The sandwich rule: who learns from whom, and what is summed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mobilenet_jax.search import sandwich
from mobilenet_jax.space import get_space
from mobilenet_jax.supernet.network import SuperNetwork
from mobilenet_jax.train.optimizers import optimizer
from tests.train.toy import same, settings

RULE = optimizer(settings(schedule='constant', warmup=0.0), 10)
SETTINGS = sandwich.Settings(0.1, 0, warm_up=1, resolutions=(16, 12))


@pytest.fixture(scope='module')
def case():
  space = get_space('v3_tiny', 16, 10)
  rng = np.random.default_rng(0)
  batch = {
    'image': rng.normal(size=(8, 16, 16, 3)).astype(np.float32),
    'label': rng.integers(0, 10, 8),
  }
  state = sandwich.initial_state(space, RULE, 0)
  noise = jax.tree.map(
    lambda p: p + 0.1 * rng.normal(size=p.shape).astype(np.float32),
    state.params,
  )
  return space, noise, batch


@pytest.fixture(scope='module')
def summed(case):
  """(vectors, batch, alone) -> what `summed_gradient` gives, compiled once."""
  space, params, _ = case
  gradient = jax.jit(sandwich.summed_gradient(space, 0.1))
  return lambda vectors, batch, alone=False: gradient(
    params, jnp.asarray(vectors), batch, jnp.asarray(alone)
  )


@pytest.fixture(scope='module')
def by_hand(case):
  """(vectors) -> the same gradients, one network after the other."""
  space, params, batch = case
  network = SuperNetwork(space.spec)
  right = jax.nn.one_hot(batch['label'], 10) * 0.9 + 0.01

  @jax.jit
  def gradient(params, vector, teacher, first):
    def loss(params):
      soft = sandwich.one_hot(space, vector)
      logits = network.apply({'params': params}, batch['image'], soft)
      logs = jax.nn.log_softmax(logits)
      from_labels = -jnp.mean(jnp.sum(right * logs, -1))
      apart = jnp.mean(jnp.sum(jnp.exp(teacher) * (teacher - logs), -1))
      return jnp.where(first, from_labels, apart), logs

    return jax.grad(loss, has_aux=True)(params)

  def gradients(vectors):
    teacher, found = jnp.zeros((8, 10)), []
    for i, vector in enumerate(vectors):
      grads, logs = gradient(params, jnp.asarray(vector), teacher, i == 0)
      found.append(grads)
      teacher = teacher if i else logs
    return found

  return gradients


@pytest.fixture(scope='module')
def step(case):
  return sandwich.sandwich_step(case[0], RULE, SETTINGS)


def close(a, b):
  largest = max(np.abs(x).max() for x in jax.tree.leaves(b))
  for x, y in zip(*map(jax.tree.leaves, (a, b)), strict=True):
    np.testing.assert_allclose(x, y, rtol=1e-3, atol=1e-4 * largest)


def test_the_gradient_is_the_sum_of_that_of_four_networks(
  case, summed, by_hand
):
  space, _, batch = case
  smallest, largest = space.smallest(), space.largest()
  rng = np.random.default_rng(1)
  vectors = [largest, smallest, space.sample(rng), space.sample(rng)]
  found, losses, _ = summed(vectors, batch)
  close(found, jax.tree.map(lambda *g: sum(g), *by_hand(vectors)))
  assert losses.shape == (4,)
  shares = jax.nn.one_hot(batch['label'], 10)
  soft, *_ = summed(vectors, {**batch, 'label': shares})
  close(soft, found)


def test_in_a_warm_up_the_largest_is_alone(case, summed, by_hand, step):
  space, _, batch = case
  smallest, largest = space.smallest(), space.largest()
  vectors = [largest, smallest, smallest, smallest]
  found, losses, _ = summed(vectors, batch, alone=True)
  close(found, by_hand(vectors[:1])[0])
  assert losses[0] > 0
  assert not np.any(losses[1:])
  state = sandwich.initial_state(space, RULE, 0)
  taken = {**batch, 'resolution': 16}
  state, first = step(state, taken)
  assert set(sandwich.record(first)) == {'loss', 'accuracy', 'grad_norm'}
  _, second = step(state, taken)
  assert sandwich.record(second).keys() == second.keys()


def test_what_only_the_largest_has_learns_from_labels_alone(
  case, summed, by_hand
):
  space, _, batch = case
  smallest, largest = space.smallest(), space.largest()
  vectors = [largest, smallest, smallest, smallest]
  found, *_ = summed(vectors, batch)
  alone = by_hand(vectors[:1])[0]
  kernel = found['block_01']['depthwise']['conv']['kernel']  # 5; smallest 3
  lonely = alone['block_01']['depthwise']['conv']['kernel']
  assert np.any(lonely[0])
  np.testing.assert_allclose(kernel[0], lonely[0], rtol=1e-3, atol=1e-6)
  assert np.abs(kernel[2] - lonely[2]).max() > 1e-5
  close(found['block_03'], alone['block_03'])  # absent in the smallest


def test_random_networks_are_uniform_over_each_decision():
  space = get_space('v3_small_images', 32, 10)
  keys = jax.random.split(jax.random.key(0), 2000)
  drawn = jax.vmap(lambda k: sandwich.random_vectors(space, k))(keys)
  drawn = np.asarray(drawn).reshape(-1, len(space.tags))
  for d, size in enumerate(space.decisions.values()):
    shares = np.bincount(drawn[:, d], minlength=size) / len(drawn)
    assert len(shares) == size
    np.testing.assert_allclose(shares, 1 / size, atol=0.04)
  assert np.any(drawn[0] != drawn[1])


def test_a_step_learns_repeats_exactly_and_takes_any_resolution(case, step):
  space, _, batch = case

  def trained(side):
    state = sandwich.initial_state(space, RULE, 0)
    losses = []
    for _ in range(6):
      state, metrics = step(state, {**batch, 'resolution': side})
      losses.append(float(metrics['loss']))
    return state, losses

  state, losses = trained(16)
  assert losses[-1] < losses[0]
  assert int(state.step) == 6
  again, _ = trained(16)
  same(state.params, again.params)
  other, small = trained(12)
  assert small[0] != losses[0]
  pairs = zip(*map(jax.tree.leaves, (state, other)), strict=True)
  assert any(np.any(a != b) for a, b in pairs)


def test_a_step_that_is_not_finite_leaves_the_weights(case, step):
  space, _, batch = case
  state = sandwich.initial_state(space, RULE, 0)
  before = jax.tree.map(np.array, state.params)
  bad = {**batch, 'image': np.full_like(batch['image'], np.nan)}
  after, metrics = step(state, {**bad, 'resolution': 16})
  assert not np.isfinite(metrics['loss'])
  assert not after.finite
  same(after.params, before)


def test_resolutions_are_drawn_from_the_seed_and_the_step():
  drawn = [SETTINGS.resolution(i, 99) for i in range(400)]
  assert drawn == [SETTINGS.resolution(i, 99) for i in range(400)]
  assert 150 < drawn.count(12) < 250
  assert set(drawn) == {12, 16}
  other = sandwich.Settings(0.1, 1, resolutions=(16, 12))
  assert [other.resolution(i, 99) for i in range(400)] != drawn
  assert sandwich.Settings(0.1, 0).resolution(7, 99) == 99


def test_images_are_resized_by_area():
  images = jnp.asarray(np.random.default_rng(0).random((2, 8, 8, 3)))
  half = sandwich.resized(images, 4)
  assert half.shape == (2, 4, 4, 3)
  assert sandwich.resized(images, 8) is images
  np.testing.assert_allclose(half.mean(), images.mean(), atol=0.02)
