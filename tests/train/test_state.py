"""Moving averages, kept states and summed gradients, against numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mobilenet_jax.train.accumulate import accumulated, split
from mobilenet_jax.train.state import (
  create_state,
  moving_average,
  take_step,
)
from tests.train.toy import RULE, same, start


def test_averages_follow_tensorflow_s_formula():
  """Of weights and statistics alike; the first values fade within steps."""
  rng = np.random.default_rng(0)
  variables = {
    'params': {'layer': {'kernel': rng.normal(size=3).astype(np.float32)}},
    'batch_stats': {'norm': {'mean': np.zeros(3, np.float32)}},
  }
  state = create_state(variables, RULE, ema=True)
  same(state.variables, variables)
  kernel, mean = variables['params']['layer']['kernel'], np.zeros(3)
  for i in range(1, 60):
    stats = {'batch_stats': {'norm': {'mean': rng.normal(size=3)}}}
    grads = {'layer': {'kernel': rng.normal(size=3).astype(np.float32)}}
    state = take_step(state, RULE, grads, stats, ema_decay=0.8)
    d = min(0.8, (1 + i) / (10 + i))
    kernel = d * kernel + (1 - d) * state.params['layer']['kernel']
    mean = d * mean + (1 - d) * stats['batch_stats']['norm']['mean']
  averages = state.variables
  np.testing.assert_allclose(
    averages['params']['layer']['kernel'], kernel, rtol=1e-5
  )
  np.testing.assert_allclose(
    averages['batch_stats']['norm']['mean'], mean, rtol=1e-4, atol=1e-6
  )
  assert np.any(kernel != state.params['layer']['kernel'])


def test_the_decay_grows_to_what_was_asked():
  after = [moving_average(1.0, 0.0, i, 0.99) for i in (1, 90, 100_000)]
  np.testing.assert_allclose(after, [2 / 11, 91 / 100, 0.99], rtol=1e-6)


def test_without_averages_the_weights_themselves_are_used():
  state = start()
  same(state.variables, {'params': state.params, 'batch_stats': {}})


@pytest.mark.parametrize('bad', [jnp.nan, jnp.inf])
def test_a_bad_step_and_all_after_it_leave_the_weights_alone(bad):
  state, one = start(), jnp.ones(())
  grads = jax.tree.map(jnp.ones_like, state.params)

  def after(state, grads, *watched):
    return take_step(state, RULE, grads, state.model_state, watched=watched)

  fine = after(state, grads, one, one)
  same(fine, take_step(state, RULE, grads, state.model_state))
  assert int(fine.step) == 1
  spoilt = jax.tree.map(lambda g: g * bad, grads)
  kept = after(fine, spoilt, one, jnp.asarray(bad))
  for later in (kept, after(kept, grads, one, one)):
    same((later.params, later.step), (fine.params, fine.step))
    assert not later.finite


def loss(params, model_state, batch, keys):
  out = batch['x'] @ params['kernel']
  value = jnp.mean(jnp.square(out - batch['y']))
  seen = model_state['seen'] * 0.5 + jnp.mean(batch['x'])
  return value, (jnp.mean(out), {'seen': seen})


def test_summed_gradients_are_those_of_the_whole_batch():
  rng = np.random.default_rng(0)
  batch = {'x': rng.normal(size=(12, 3)), 'y': rng.normal(size=12)}
  params = {'kernel': jnp.asarray(rng.normal(size=3), jnp.float32)}
  gradient = jax.value_and_grad(loss, has_aux=True)
  stats = {'seen': jnp.zeros(())}

  def run(count):
    return jax.jit(lambda p: accumulated(gradient, count, p, stats, batch, {}))(
      params
    )

  (whole, (metric, _)), grads = run(1)
  for count in (2, 3, 12):
    (value, (mean, seen)), summed = run(count)
    assert float(value) == pytest.approx(float(whole), rel=1e-5)
    assert float(mean) == pytest.approx(float(metric), rel=1e-4)
    np.testing.assert_allclose(
      summed['kernel'], grads['kernel'], rtol=1e-4, atol=1e-6
    )
    expected = 0.0
    for part in split(batch, count)['x']:  # statistics go from part to part
      expected = expected * 0.5 + part.mean()
    assert float(seen['seen']) == pytest.approx(float(expected), abs=1e-5)


def test_every_part_has_its_own_key_and_its_own_images():
  def drawn(params, model_state, batch, keys):
    draw = jax.random.uniform(keys['dropout'])
    return (draw, (draw, {'draws': batch['x'].sum()})), params

  batch = {'x': np.arange(6.0)}
  (first, _), _ = accumulated(
    drawn, 1, jnp.zeros(()), {}, batch, {'dropout': jax.random.key(0)}
  )
  (mean, _), _ = accumulated(
    drawn, 2, jnp.zeros(()), {'draws': jnp.zeros(())}, batch,
    {'dropout': jax.random.key(0)},
  )  # fmt: skip
  keys = [jax.random.fold_in(jax.random.key(0), i) for i in (0, 1)]
  draws = [float(jax.random.uniform(key)) for key in keys]
  assert draws[0] != draws[1]
  assert float(mean) == pytest.approx(np.mean(draws))
  assert float(first) == float(jax.random.uniform(jax.random.key(0)))
  np.testing.assert_array_equal(split(batch, 2)['x'], [[0, 2, 4], [1, 3, 5]])
