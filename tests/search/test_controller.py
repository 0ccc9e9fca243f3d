"""The controller learns what it is rewarded for, and only what it reached."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mobilenet_jax.arch import ArchSpec, Conv, Dense, Pool, one_of
from mobilenet_jax.search import controller, oneshot, rewards
from mobilenet_jax.space import get_space
from mobilenet_jax.space.roles import filter_tags

SIZES = [3, 2, 4]
ALL = jnp.ones((1, 3, 3, 4), bool)  # one way of reaching each


def run(reward, steps=300, rate=0.05, reach=ALL):
  @jax.jit
  def step(state, key):
    keys = jax.random.split(key, 4)
    vectors = jax.vmap(lambda k: controller.sample(state.logits, k))(keys)
    gains = jax.vmap(reward)(vectors)
    return controller.update(state, vectors, gains, reach, rate)

  state = controller.create(SIZES)
  for i in range(steps):
    state = step(state, jax.random.fold_in(jax.random.key(0), i))
  return state


def test_it_finds_the_best_of_each_decision():
  best = jnp.asarray([2, 0, 3])
  state = run(lambda v: jnp.sum(v == best) / 3.0)
  assert np.argmax(state.logits, 1).tolist() == best.tolist()
  assert float(controller.entropies(state.logits).max()) < 0.3


def test_samples_are_choices_and_uniform_at_first():
  state = controller.create(SIZES)
  keys = jax.random.split(jax.random.key(1), 6000)
  drawn = np.asarray(
    jax.vmap(lambda k: controller.sample(state.logits, k))(keys)
  )
  for d, size in enumerate(SIZES):
    counts = np.bincount(drawn[:, d], minlength=size)
    assert len(counts) == size
    np.testing.assert_allclose(counts / 6000, 1 / size, atol=0.03)
  np.testing.assert_allclose(
    controller.entropies(state.logits), np.log(SIZES), rtol=1e-6
  )


def test_log_probability_counts_reached_decisions_only():
  logits = jnp.where(
    controller.valid(SIZES), jnp.arange(12.0).reshape(3, 4) / 7, -jnp.inf
  )
  vector = jnp.asarray([1, 0, 3])
  logs = [
    float(jax.nn.log_softmax(logits[d, :size])[vector[d]])
    for d, size in enumerate(SIZES)
  ]
  whole = controller.log_probability(logits, vector, ALL)
  assert float(whole) == pytest.approx(sum(logs), rel=1e-5)
  reach = ALL.at[0, 2, 1].set(False)
  reach = reach.at[0, 2, 1, 1].set(True)  # needs decision 1 at 1
  part = controller.log_probability(logits, vector, reach)
  assert float(part) == pytest.approx(logs[0] + logs[1], rel=1e-5)
  other = controller.log_probability(logits, vector.at[1].set(1), reach)
  assert float(other) < float(part) + 10  # decision 2 counts again
  assert bool(controller.reachable(reach, vector.at[1].set(1))[2])


def test_an_unreached_decision_is_not_moved():
  reach = ALL.at[:, 2].set(False)
  state = run(lambda v: (v[2] == 1) * 1.0, steps=50, reach=reach)
  np.testing.assert_allclose(state.logits[2], 0.0, atol=1e-6)


def test_the_baseline_is_a_zero_debiased_average():
  state = run(lambda v: 0.7 + 0.0 * v[0], steps=3)
  debiased = state.ema / (1 - controller.EMA_MOMENTUM**state.count)
  assert float(debiased) == pytest.approx(0.7, rel=1e-5)


def test_absolute_reward_is_highest_on_the_target():
  ms = jnp.linspace(0.5, 2.0, 31)
  gains = rewards.absolute(jnp.full(31, 0.9), ms, 1.0, -0.1)
  assert float(ms[gains.argmax()]) == pytest.approx(1.0)
  assert float(gains[-1]) == pytest.approx(0.9 - 0.1)
  assert float(gains[0]) == pytest.approx(0.9 - 0.05)


def test_warm_ups_and_rate_go_as_the_paper_has_them():
  paper = oneshot.Settings(
    steps=200, target_ms=1.0, beta=-0.1, learning_rate=0.003, warm_up=0.25,
    samples=1, seed=0,
  )  # fmt: skip
  steps = np.array([0, 25, 40, 50, 199])
  for hold, odds in ((0.0, [1.0, 0.5, 0.2]), (0.5, [1.0, 1.0, 0.4])):
    found = oneshot.warm_up_probability(steps, 200, 0.25, hold)
    np.testing.assert_allclose(found, [*odds, 0.0, 0.0], atol=1e-6)
  rates = [0.003, 0.003 * 10**0.5, 0.03]
  np.testing.assert_allclose(
    oneshot.learning_rate(np.array([50, 125, 200]), paper), rates, rtol=1e-5
  )


def test_warm_ups_average_operations_and_widen_widths():
  space = get_space('v3_small_images', 64, 10)
  filters = filter_tags(space.spec)
  assert 'stage1/width' in filters
  assert 'stage1/block1/expand' in filters
  assert 'stage1/block1/kernel' not in filters
  vector = jnp.zeros(len(space.tags), jnp.int32)

  def soft(operations, widths):
    return controller.soft_choices(
      vector,
      space.decisions,
      filters=filters,
      all_operations=jnp.asarray(operations),
      all_filters=jnp.asarray(widths),
    )

  plain, warm = soft(False, False), soft(True, True)
  for tag, size in space.decisions.items():
    assert plain[tag].tolist() == np.eye(size)[0].tolist()
    if tag in filters:
      assert warm[tag].tolist() == np.eye(size)[-1].tolist()
    else:
      np.testing.assert_allclose(warm[tag], 1 / size, rtol=1e-6)


def test_the_widest_choice_may_stand_anywhere():
  blocks = (
    Conv(kernel=3, stride=4, channels=one_of('width', 24, 32, 16)),
    Pool(),
    Dense(channels=3),
  )
  spec = ArchSpec(name='unsorted', resolution=8, blocks=blocks)
  assert filter_tags(spec) == {'width': 1}
