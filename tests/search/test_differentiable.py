"""A differentiable search weighs loss against the exact expected latency."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.ingraph import PriceArrays
from mobilenet_jax.latency.tensors import BlockPrices
from mobilenet_jax.search import controller, differentiable, oneshot, penalties
from mobilenet_jax.supernet.network import SuperNetwork
from mobilenet_jax.train.loop import Plan, fit
from tests.search import toy
from tests.train.toy import same

# two blocks of a kernel each, which share the decision of the width
DECISIONS = {'a/kernel': 3, 'b/kernel': 3, 'width': 2}
PRICES = (
  BlockPrices(np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]]), (0, 2)),
  BlockPrices(np.array([[1.0, 3.0], [2.0, 5.0], [4.0, 7.0]]), (1, 2)),
)
OTHER = (  # a device to which kernels are nothing, and widths all
  BlockPrices(np.array([1.0, 9.0]), (2,)),
)
GAINS = {'a/kernel': [0, 0.2, 0.5], 'b/kernel': [0, 0.5, 0.3], 'width': [0, 1]}
SETTINGS = differentiable.Settings(
  steps=400, targets_ms=(4.0,), penalty='add', weight=0.0, exponent=0.3,
  learning_rate=0.05, warm_up=0.0, temperature=(5.0, 0.1), seed=0,
)  # fmt: skip


def evaluate(params, soft, batch):
  """A network whose loss falls by what its choices gain."""
  del params, batch
  gains = [soft[tag] @ jnp.asarray(GAINS[tag]) for tag in DECISIONS]
  return 3.0 - sum(gains[1:], start=gains[0]), jnp.zeros(())


def searched(prices=(PRICES,), **changes):
  """The likeliest vector at the end, and the expected latency of each device
  step by step."""
  settings = dataclasses.replace(SETTINGS, **changes)
  move = differentiable.architecture_step(DECISIONS, prices, settings, evaluate)

  def step(state, i):
    state, metrics = move(state, {}, i, {})
    more = metrics.get('latency_on', jnp.zeros(0))
    return state, jnp.append(metrics['latency_ms'], more)

  state = differentiable.create(list(DECISIONS.values()))
  steps = jnp.arange(settings.steps)
  state, expected = jax.jit(lambda s: jax.lax.scan(step, s, steps))(state)
  return np.argmax(state.logits, 1).tolist(), np.asarray(expected), state


def test_without_a_price_it_takes_the_accurate_choices():
  vector, _, state = searched(weight=0.0)
  assert vector == [2, 1, 1]
  assert float(controller.entropies(state.logits).max()) < 0.3
  assert np.all(np.isneginf(state.logits[2, 2]))


@pytest.mark.parametrize(
  'price', [{'penalty': 'add', 'weight': 20.0},
            {'penalty': 'multiply', 'weight': 0.2, 'exponent': 50.0}]
)  # fmt: skip
def test_with_a_high_price_it_takes_the_cheap_choices(price):
  vector, expected, _ = searched(**price)
  assert vector == [0, 0, 0]
  assert expected[-1, 0] < 2.5 < expected[0, 0]


@pytest.mark.parametrize('target', [4.0, 8.0])
def test_the_absolute_penalty_lands_on_the_target(target):
  _, expected, _ = searched(
    penalty='absolute', weight=5.0, targets_ms=(target,)
  )
  assert expected[-50:, 0].mean() == pytest.approx(target, rel=0.05)
  assert abs(expected[0, 0] / target - 1) > 0.1


def test_two_devices_are_minded_at_once():
  _, expected, _ = searched(
    (PRICES, OTHER), penalty='absolute', weight=10.0, targets_ms=(6.5, 2.6)
  )
  assert expected[-50:, 0].mean() == pytest.approx(6.5, rel=0.05)
  assert expected[-50:, 1].mean() == pytest.approx(2.6, rel=0.05)
  assert abs(expected[0, 1] / 2.6 - 1) > 0.5


def test_expected_latency_is_the_mean_of_what_the_logits_draw():
  arrays = PriceArrays.of(PRICES, 3)
  logits = np.where(controller.valid([3, 3, 2]), [[0.3, -1, 2]], -np.inf)
  sizes = list(DECISIONS.values())

  @jax.jit
  def expected(logits):
    return arrays.expected(
      [jax.nn.softmax(logits[i, :n]) for i, n in enumerate(sizes)]
    )

  keys = jax.random.split(jax.random.key(0), 50_000)
  drawn = jax.vmap(lambda k: controller.sample(logits, k))(keys)
  prices = np.asarray(arrays.price(drawn))
  error = prices.std() / len(prices) ** 0.5
  assert abs(float(expected(jnp.asarray(logits))) - prices.mean()) < 4 * error
  with jax.enable_x64(True):
    wide = jnp.asarray(logits, jnp.float64)
    slopes = jax.grad(expected)(wide)
    for i, size in enumerate(sizes):
      for c in range(size):
        ends = [float(expected(wide.at[i, c].add(h))) for h in (1e-3, -1e-3)]
        slope = (ends[0] - ends[1]) / 2e-3
        assert slope == pytest.approx(float(slopes[i, c]), rel=1e-2, abs=1e-3)


def test_mixtures_cool_down_exponentially_and_are_drawn_as_the_logits_say():
  heat = [float(differentiable.temperature(s, SETTINGS)) for s in (0, 200, 400)]
  assert heat == pytest.approx([5.0, (5.0 * 0.1) ** 0.5, 0.1])
  logits = jnp.log(jnp.asarray([[0.5, 0.3, 0.2]]))
  keys = jax.random.split(jax.random.key(1), 4000)

  def mixed(heat):
    def one(key):
      return differentiable.gumbel_softmax(logits, {'a': 3}, heat, key)['a']

    return np.asarray(jax.vmap(one)(keys))

  cold, warm = mixed(0.01), mixed(5.0)
  np.testing.assert_allclose(cold.sum(1), 1.0, rtol=1e-5)
  counts = np.bincount(cold.argmax(1), minlength=3) / len(cold)
  np.testing.assert_allclose(counts, [0.5, 0.3, 0.2], atol=0.03)
  assert cold.max(1).mean() > 0.98
  assert warm.max(1).mean() < 0.6


def test_penalties_have_the_papers_numbers():
  two, ms = jnp.float32(2.0), jnp.float32(100.0)
  assert float(penalties.add(two, ms, 80.0, 0.1, 0.3)) == pytest.approx(2.025)
  low = float(penalties.absolute(two, ms, 125.0, 0.1, 0.3))
  assert low == pytest.approx(2.02)
  found = float(penalties.multiply(two, ms, 80.0, 0.2, 0.3))
  logs = np.log(100_000) / np.log(80_000)
  assert found == pytest.approx(2 * 0.2 * logs**0.3, rel=1e-5)
  with pytest.raises(UserError, match=r"'multiple'\. Did you mean 'mult"):
    penalties.find_penalty('multiple')


@pytest.fixture(scope='module')
def small():
  """A real search over a tiny space: (state, step)."""
  settings = dataclasses.replace(
    SETTINGS, steps=8, warm_up=0.25, targets_ms=(0.009,), weight=1.0,
    penalty='absolute', temperature=(5.0, 0.5),
  )  # fmt: skip
  step = differentiable.search_step(
    toy.SPACE, (toy.TENSORS,), toy.RULE, settings, **toy.FUNCTIONS
  )
  start = differentiable.initial_state(toy.SPACE, toy.RULE, 0)
  return lambda: jax.tree.map(jnp.copy, start), step


def batches(first):
  yield from toy.batches(8)[first:]


def fitted(small, folder, source=batches):
  start, step = small
  folder.mkdir(exist_ok=True)
  plan = Plan(8, 1, 3, images=8, folder=folder, title='toy')
  record = oneshot.record(toy.SPACE, lambda vector: 0.5)
  return fit(start(), step, source, plan, record=record)


def test_a_search_that_was_stopped_ends_the_same(small, tmp_path):
  class Stop(Exception):
    """Stands for a kill between two steps."""

  def stopping(first):
    for i, batch in enumerate(batches(first), first):
      if i == 5:
        raise Stop
      yield batch

  whole = fitted(small, tmp_path / 'whole')
  with pytest.raises(Stop):
    fitted(small, tmp_path / 'broken', stopping)
  again = fitted(small, tmp_path / 'broken')
  same(whole, again)
  assert np.any(np.asarray(whole.architecture.logits)[:, 0])
  lines = [
    (tmp_path / name / 'metrics.jsonl').read_text()
    for name in ('whole', 'broken')
  ]
  assert lines[0] == lines[1]
  first, *_, last = lines[0].splitlines()
  assert '"objective"' not in first and '"latency_ms"' not in first
  assert '"objective"' in last and '"held_out_accuracy"' in last


def test_every_decision_of_a_real_space_gets_a_gradient(small):
  """Masks, kernels, gates, activations and depth are all differentiable, and
  their gradient is that of finite differences."""
  start, _ = small
  space, params = toy.SPACE, start().weights.params
  batch = next(batches(0))['train']
  network = SuperNetwork(space.spec)
  rng = np.random.default_rng(0)
  soft = {
    tag: jnp.asarray(rng.dirichlet(np.full(n, 5.0)), jnp.float32)
    for tag, n in space.decisions.items()
  }
  ahead = rng.normal(size=(8, 10)).astype(np.float32)

  @jax.jit
  def loss(soft):
    out = network.apply({'params': params}, batch['image'], soft)
    return jnp.sum(out * ahead)

  slopes = jax.jit(jax.grad(loss))(soft)
  for tag in space.decisions:
    assert np.any(np.abs(slopes[tag]) > 1e-4), tag
    up, down = (
      float(loss({**soft, tag: soft[tag].at[0].add(h).at[1].add(-h)}))
      for h in (0.02, -0.02)
    )
    slope = float(slopes[tag][0] - slopes[tag][1])
    found = (up - down) / 0.04
    assert found == pytest.approx(slope, rel=0.1, abs=0.02), tag
