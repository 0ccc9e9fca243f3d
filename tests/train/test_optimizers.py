"""Optimizers and schedules, step by step, against their formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.train.optimizers import optimizer
from mobilenet_jax.train.schedules import schedule
from tests.train.toy import settings


def rates(name, steps, at, **more):
  found = schedule(settings(schedule=name, **more), steps)
  return [float(found(step)) for step in at]


@pytest.mark.parametrize(
  ('name', 'values'),
  [
    # by hand: 10 steps up, then 90 left, of which 45 and 90 are gone
    ('cosine', [0.0, 0.05, 0.1, 0.05, 0.0]),
    ('linear', [0.0, 0.05, 0.1, 0.05, 0.0]),
    ('constant', [0.0, 0.05, 0.1, 0.1, 0.1]),
    # counted from step 0: 0.5 ** (1, 5.5, 10)
    ('exponential', [0.0, 0.05, 0.1 / 2, 0.1 * 0.5**5.5, 0.1 / 1024]),
  ],
)
def test_schedules_warm_up_and_go_down(name, values):
  found = rates(
    name, 100, (0, 5, 10, 55, 100), warmup=0.1, decay_rate=0.5, decay_every=0.1
  )
  np.testing.assert_allclose(found, values, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(
  ('name', 'values'),
  [
    ('linear', [0.1, 0.099, 0.05, 0.001]),
    ('cosine', [0.1, 0.1 * (1 + np.cos(np.pi / 100)) / 2, 0.05, None]),
    ('constant', [0.1, 0.1, 0.1, 0.1]),
    ('exponential', [0.1, 0.1, 0.1 * 0.5**5, 0.1 * 0.5**9]),
  ],
)
def test_without_warm_up_the_first_step_has_the_peak(name, values):
  found = rates(
    name, 100, (0, 1, 50, 99), warmup=0.0, decay_rate=0.5, decay_every=0.1,
    staircase=True,
  )  # fmt: skip
  for value, wanted in zip(found, values, strict=True):
    if wanted is not None:
      assert value == pytest.approx(wanted, rel=1e-5)


def test_a_warm_up_takes_a_step_at_least():
  assert rates('constant', 6, (0, 1), warmup=0.1) == pytest.approx([0, 0.1])


def test_cosine_between():
  found = rates('cosine', 100, (25,), warmup=0.0)
  assert found[0] == pytest.approx(
    0.1 * (1 + np.cos(np.pi * 25 / 100)) / 2, rel=1e-5
  )


def test_a_staircase_falls_at_once():
  at = (59, 60, 119, 120)
  stairs = rates(
    'exponential', 600, at, warmup=0.0, decay_rate=0.9, decay_every=0.1,
    staircase=True,
  )  # fmt: skip
  np.testing.assert_allclose(stairs, [0.1, 0.09, 0.09, 0.081], rtol=1e-5)
  slope = rates(
    'exponential', 600, at, warmup=0.0, decay_rate=0.9, decay_every=0.1
  )
  expected = 0.1 * 0.9 ** (np.array(at) / 60)
  np.testing.assert_allclose(slope, expected, rtol=1e-5)


def run(config, params, grads):
  rule = optimizer(config, 100)
  state = rule.init(params)
  for grad in grads:
    updates, state = rule.update(grad, state, params)
    params = optax.apply_updates(params, updates)
  return params


def tree(rng):
  return {
    'kernel': rng.normal(size=(3, 4)).astype(np.float32),
    'bias': rng.normal(size=4).astype(np.float32),
  }


def test_rmsprop_is_tensorflow_s():
  """tf.compat.v1.train.RMSPropOptimizer: ones at first, epsilon in the root,
  the rate within the momentum; the decay is a part of the gradient."""
  rng = np.random.default_rng(0)
  params, grads = tree(rng), [tree(rng) for _ in range(12)]
  config = settings(
    'rmsprop', momentum=0.8, decay=0.95, epsilon=0.01, weight_decay=0.1,
    clip_norm=0.0, schedule='linear',
  )  # fmt: skip
  rate = schedule(config, 100)
  got = run(config, params, grads)
  for name, w in params.items():
    mean_square, moment = np.ones_like(w), np.zeros_like(w)
    for t, grad in enumerate(grads):
      g = grad[name] + (0.1 * w if name == 'kernel' else 0)
      mean_square = 0.95 * mean_square + 0.05 * g * g
      moment = 0.8 * moment + float(rate(t)) * g / np.sqrt(mean_square + 0.01)
      w = w - moment
    np.testing.assert_allclose(got[name], w, rtol=1e-4)


@pytest.mark.parametrize('nesterov', [False, True])
def test_sgd_is_momentum(nesterov):
  rng = np.random.default_rng(0)
  params, grads = tree(rng), [tree(rng) for _ in range(6)]
  config = settings(
    'sgd', nesterov=nesterov, weight_decay=0.1, clip_norm=0, warmup=0.0,
    schedule='constant',
  )  # fmt: skip
  got = run(config, params, grads)
  for name, w in params.items():
    m = np.zeros_like(w)
    for grad in grads:
      g = grad[name] + (0.1 * w if name == 'kernel' else 0)
      m = 0.9 * m + g
      w = w - 0.1 * (g + 0.9 * m if nesterov else m)
    np.testing.assert_allclose(got[name], w, rtol=1e-4)


def test_adamw_takes_its_betas_and_decays_apart():
  rng = np.random.default_rng(0)
  params, grads = tree(rng), [tree(rng) for _ in range(8)]
  config = settings(
    'adamw', momentum=0.6, decay=0.99, epsilon=1e-6, weight_decay=0.2,
    clip_norm=0, schedule='constant',
  )  # fmt: skip
  rate = schedule(config, 100)
  got = run(config, params, grads)
  for name, w in params.items():
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, grad in enumerate(grads, 1):
      m = 0.6 * m + 0.4 * grad[name]
      v = 0.99 * v + 0.01 * grad[name] ** 2
      step = m / (1 - 0.6**t) / (np.sqrt(v / (1 - 0.99**t)) + 1e-6)
      step = step + (0.2 * w if name == 'kernel' else 0)
      w = w - float(rate(t - 1)) * step
    np.testing.assert_allclose(got[name], w, rtol=1e-4)


def test_what_is_0_is_the_usual():
  rng = np.random.default_rng(0)
  params, grads = tree(rng), [tree(rng) for _ in range(3)]
  for name, decay, epsilon in (('rmsprop', 0.9, 1e-3), ('adamw', 0.999, 1e-8)):
    plain = run(settings(name), params, grads)
    said = run(settings(name, decay=decay, epsilon=epsilon), params, grads)
    jax.tree.map(np.testing.assert_array_equal, plain, said)


@pytest.mark.parametrize('name', ['sgd', 'rmsprop', 'adamw'])
@pytest.mark.parametrize('depthwise', [False, True])
def test_kernels_alone_are_decayed(name, depthwise):
  config = settings(name, decay_depthwise=depthwise)
  params = {
    'point': {'kernel': jnp.full((1, 1, 8, 8), 5.0), 'bias': jnp.full(8, 5.0)},
    'depth': {'kernel': jnp.full((3, 3, 1, 8), 5.0)},
    'norm': {'scale': jnp.full(8, 5.0), 'bias': jnp.full(8, 5.0)},
    'dense': {'kernel': jnp.full((8, 2), 5.0)},
  }
  after = run(config, params, [jax.tree.map(jnp.zeros_like, params)] * 20)
  smaller = jax.tree.map(lambda x: bool((x < 5).all()), after)
  assert smaller == {
    'point': {'kernel': True, 'bias': False},
    'depth': {'kernel': depthwise},
    'norm': {'scale': False, 'bias': False},
    'dense': {'kernel': True},
  }


@pytest.mark.parametrize(('clip', 'scale'), [(2.0, 0.4), (0, 1), (None, 1)])
def test_gradients_are_clipped_by_their_norm(clip, scale):
  config = settings(
    'sgd', momentum=0.0, weight_decay=0.0, clip_norm=clip, warmup=0.0,
    schedule='constant', nesterov=False,
  )  # fmt: skip
  grad = {'kernel': jnp.asarray([3.0, 4.0])}  # of norm 5
  params = {'kernel': jnp.zeros(2)}
  after = run(config, params, [grad])
  expected = [-0.3 * scale, -0.4 * scale]
  np.testing.assert_allclose(after['kernel'], expected, rtol=1e-5)


@pytest.mark.parametrize(
  ('change', 'says'),
  [
    ({'name': 'adamm'}, r"Unknown optimizer 'adamm'. Did you mean 'adamw'"),
    ({'schedule': 'cosin'}, r"Unknown schedule 'cosin'. Did you mean 'cosine'"),
    ({'decay': 1.5}, r'optimizer.decay is 1.5; it is 0 to 1'),
    ({'clip_norm': -1.0}, r'clip_norm is -1.0; it is 0 or more'),
    ({'learning_rate': float('nan')}, r'learning_rate is nan'),
    ({'warmup': 3.0}, r'warmup is 3.0; it is a share'),
    ({'schedule': 'exponential', 'decay_every': 0.0}, r'decay_every is 0.0'),
    ({'schedule': 'exponential', 'decay_rate': 2.0}, r'decay_rate is 2.0'),
  ],
)
def test_wrong_settings_are_named(change, says):
  with pytest.raises(UserError, match=says):
    optimizer(settings(**change), 10)
