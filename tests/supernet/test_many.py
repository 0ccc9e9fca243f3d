"""Networks trained in one program are trained as if alone."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mobilenet_jax.jobs.recipes import digits_config
from mobilenet_jax.models.builder import build
from mobilenet_jax.space import get_space
from mobilenet_jax.supernet import many
from mobilenet_jax.tasks import classification
from mobilenet_jax.train.optimizers import optimizer
from mobilenet_jax.train.state import create_state
from tests.supernet.test_supernet import cut

SPACE = get_space('v3_tiny', 16, 10)
RULE = optimizer(digits_config(local=False).train.optimizer, 4)
STEPS = 3


@pytest.fixture(scope='module')
def batches():
  rng = np.random.default_rng(0)
  return [
    {
      'image': rng.normal(size=(16, 16, 16, 3)).astype(np.float32),
      'label': rng.integers(10, size=16),
    }
    for _ in range(STEPS)
  ]


def loss(logits, labels):
  return classification.cross_entropy(logits, labels, 0.1)


def vectors(count):
  rng = np.random.default_rng(4)
  return [SPACE.sample(rng) for _ in range(count)]


@functools.cache
def programs(how):
  first = many.initial_states(SPACE, RULE)
  return first, many.train_step(SPACE, RULE, loss=loss, how=how)


def trained(chosen, seeds, batches, how='map'):
  first, step = programs(how)
  states = first(np.asarray(seeds))
  losses = []
  for batch in batches:
    states, values = step(states, jnp.asarray(chosen), batch)
    losses.append(np.asarray(values))
  return states, np.stack(losses)


def of(states, i):
  return jax.tree.map(lambda leaf: leaf[i], states.params)


def test_several_are_trained_as_one_at_a_time(batches):
  chosen, seeds = vectors(2), [5, 6]
  together, losses = trained(chosen, seeds, batches)
  beside, near = trained(chosen, seeds, batches, 'vmap')
  np.testing.assert_allclose(near, losses, rtol=1e-3)
  assert len({str(row) for row in losses.T}) == 2
  for i in range(2):
    one = slice(i, i + 1)
    alone, own = trained(chosen[one], seeds[one], batches)
    np.testing.assert_array_equal(own[:, 0], losses[:, i])
    jax.tree.map(np.testing.assert_array_equal, of(alone, 0), of(together, i))
    jax.tree.map(
      lambda a, b: np.testing.assert_allclose(a, b, atol=2e-3),
      of(together, i),
      of(beside, i),
    )


def test_seeds_of_one_network_differ(batches):
  (vector,) = vectors(1)
  _, losses = trained([vector, vector], [0, 1], batches)
  assert np.all(losses[:, 0] != losses[:, 1])


def test_a_candidate_learns_what_its_network_learns(batches):
  """Stand-alone, from the same weights cut out of the shared ones."""
  chosen = [(1,) * len(SPACE.tags), (0,) * len(SPACE.tags)]
  first = programs('map')[0](np.asarray([3, 3]))
  states, losses = trained(chosen, [3, 3], batches)
  for i, vector in enumerate(chosen):
    spec, weights = cut(of(first, i), SPACE, vector)
    network = build(spec)
    fresh = classification.init_variables(network, 0)
    shapes = [jax.tree.map(jnp.shape, p) for p in (fresh['params'], weights)]
    assert shapes[0] == shapes[1]
    state = create_state({**fresh, 'params': weights}, RULE)
    step = classification.train_step(network, RULE, smoothing=0.1, seed=0)
    for batch, expected in zip(batches, losses[:, i], strict=True):
      state, metrics = step(state, batch)
      np.testing.assert_allclose(metrics['loss'], expected, rtol=2e-3)
    jax.tree.map(
      lambda a, b: np.testing.assert_allclose(a, b, atol=5e-3),
      state.params,
      cut(of(states, i), SPACE, vector)[1],
    )


def test_what_is_not_finite_stops_learning_alone(batches):
  """The others go on; a network's `finite` tells."""
  chosen = vectors(2)
  first, step = programs('map')
  states = first(np.asarray([0, 1]))
  broken = jax.tree.map(lambda leaf: leaf.at[0].set(jnp.nan), states.params)
  before = jax.tree.map(np.array, of(states, 1))
  after, losses = step(
    states.replace(params=broken), jnp.asarray(chosen), batches[0]
  )
  for batch in batches[1:]:
    after, losses = step(after, jnp.asarray(chosen), batch)
  assert list(np.isfinite(losses)) == [False, True]
  assert list(np.asarray(after.finite)) == [False, True]
  moved = jax.tree.map(lambda a, b: bool(np.any(a != b)), of(after, 1), before)
  assert any(jax.tree.leaves(moved))
