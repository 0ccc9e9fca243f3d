"""Rates by block: exact on the first step, nothing at all where frozen."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mobilenet_jax.train.by_block import by_block
from mobilenet_jax.train.optimizers import optimizer
from mobilenet_jax.train.state import moving_average
from tests.train.toy import same, settings


def params_of(seed):
  rng = np.random.default_rng(seed)
  return {
    f'block_{i:02d}': {
      'conv': {'kernel': jnp.asarray(rng.normal(size=(3, 4)), jnp.float32)},
      'norm': {'bias': jnp.asarray(rng.normal(size=4), jnp.float32)},
    }
    for i in range(3)
  }


RATES = {'block_00': 0.49, 'block_01': 0.7, 'block_02': 1.0}
PARAMS, GRADS = params_of(0), params_of(1)


def first_update(rule):
  return rule.update(GRADS, rule.init(PARAMS), PARAMS)[0]


def test_the_first_update_of_sgd_is_scaled_exactly():
  plain = first_update(optax.sgd(0.1))
  scaled = first_update(by_block(optax.sgd(0.1), RATES))
  for name, rate in RATES.items():
    expected = jax.tree.map(lambda u, rate=rate: u * rate, plain[name])
    same(scaled[name], expected)
  assert np.any(np.asarray(scaled['block_00']['norm']['bias']) != 0)


@pytest.mark.parametrize('name', ['sgd', 'rmsprop', 'adamw'])
def test_rates_scale_what_an_optimizer_does_for_many_steps(name):
  """Updates of the same gradients, weight decay and momentum among them."""
  config = settings(name, warmup=0.0, clip_norm=0.0)
  rules = optimizer(config, 10), by_block(optimizer(config, 10), RATES)
  states = [rule.init(PARAMS) for rule in rules]
  for seed in range(4):
    grads = params_of(seed)
    found = []
    for i, rule in enumerate(rules):
      update, states[i] = rule.update(grads, states[i], PARAMS)
      found.append(update)
    for block, rate in RATES.items():
      for a, b in zip(
        jax.tree.leaves(found[0][block]),
        jax.tree.leaves(found[1][block]),
        strict=True,
      ):
        np.testing.assert_allclose(b, a * rate, rtol=1e-6)


def test_frozen_blocks_stay_and_cost_no_memory():
  rule = by_block(
    optimizer(settings('adamw'), 10), {'block_00': 0.0, 'block_01': 0.5}
  )
  state, params = rule.init(PARAMS), PARAMS
  for seed in range(3):
    update, state = rule.update(params_of(seed), state, params)
    params = optax.apply_updates(params, update)
  same(params['block_00'], PARAMS['block_00'])
  for name in ('block_01', 'block_02'):
    before = PARAMS[name]['norm']['bias']
    assert np.all(np.asarray(params[name]['norm']['bias'] != before))
  plain = optimizer(settings('adamw'), 10).init(PARAMS)
  size = lambda tree: sum(x.size for x in jax.tree.leaves(tree))
  block = size(PARAMS['block_00'])
  assert size(plain) - size(state) == 2 * block  # both of Adam's moments


def test_all_alike_is_the_rule_itself():
  rule = optax.sgd(0.1)
  assert by_block(rule, {'block_00': 1.0}) is rule


def test_the_average_of_what_does_not_change_does_not_change():
  values = jnp.asarray(np.random.default_rng(0).normal(size=10_000), 'float32')
  for step in range(1, 30):
    same(moving_average(values, values, step, 0.999), values)
