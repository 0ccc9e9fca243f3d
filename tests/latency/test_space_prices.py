"""Prices of a space agree with prices of its networks, in every form."""

import functools
import itertools
import re

import jax
import numpy as np
import pytest

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.bounds import check_target, price_bounds
from mobilenet_jax.latency.ingraph import PriceArrays
from mobilenet_jax.latency.key import block_of, keys
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.latency.tensors import price, price_tensors, space_keys
from mobilenet_jax.space import get_space, list_spaces
from tests.latency.toy import PROVENANCE, toy_table
from tests.space.own import every_vector, random_space


@functools.cache
def priced(name):
  """A space, its table and its prices."""
  space = get_space(name, 64, 10)
  table = toy_table(space_keys(space.spec))
  return space, table, price_tensors(space.spec, table)


@pytest.fixture(params=list_spaces())
def case(request):
  return priced(request.param)


@pytest.fixture
def space(case):
  return case[0]


def test_in_graph_price_is_the_sum_over_the_table(case):
  space, table, tensors = case
  rng = np.random.default_rng(0)
  vectors = np.array([space.sample(rng) for _ in range(60)])
  arrays = PriceArrays.of(tensors, len(space.tags))
  batch = jax.jit(arrays.price)(vectors.reshape(6, 10, -1))
  assert batch.shape == (6, 10)
  for vector, found in zip(vectors, np.ravel(batch), strict=True):
    expected = table.price(space.decode(vector))
    assert price(tensors, vector) == pytest.approx(expected, rel=1e-12)
    assert found == pytest.approx(expected, rel=1e-6)


def test_slots_depths_and_resolutions_are_priced():
  """Every network of small random spaces, by both forms of the prices."""
  for seed in range(12):
    space = random_space(seed)
    table = toy_table(space_keys(space.spec))
    tensors = price_tensors(space.spec, table)
    vectors = list(every_vector(space))[::3]
    expected = [table.price(space.decode(v)) for v in vectors]
    assert [price(tensors, v) for v in vectors] == pytest.approx(expected)
    if seed < 3:
      arrays = PriceArrays.of(tensors, len(space.tags))
      found = jax.jit(arrays.price)(np.array(vectors))
      assert found == pytest.approx(expected, rel=1e-6)


def test_the_cheapest_and_the_dearest_network():
  for seed in range(12):
    space = random_space(seed)
    tensors = price_tensors(space.spec, toy_table(space_keys(space.spec)))
    prices = {v: price(tensors, v) for v in every_vector(space)}
    factors = [(block.axes, block.ms) for block in tensors]
    low, high = space.smallest(factors), space.largest(factors)
    assert price(tensors, low) == pytest.approx(min(prices.values()))
    assert price(tensors, high) == pytest.approx(max(prices.values()))
    assert (price(tensors, low), price(tensors, high)) == pytest.approx(
      price_bounds(tensors)
    )


def probabilities(space, seed):
  rng = np.random.default_rng(seed)
  return [rng.dirichlet(np.ones(n)) for n in space.decisions.values()]


def test_expected_latency_is_the_mean_over_draws(case):
  space, _, tensors = case
  arrays = PriceArrays.of(tensors, len(space.tags))
  chances = probabilities(space, 0)
  mean = float(jax.jit(arrays.expected)([np.float32(p) for p in chances]))
  rng = np.random.default_rng(1)
  columns = [rng.choice(len(p), 20_000, p=p) for p in chances]
  prices = np.asarray(jax.jit(arrays.price)(np.stack(columns, 1)))
  error = prices.std() / len(prices) ** 0.5
  assert abs(prices.mean() - mean) < 4 * error
  assert error < 0.01 * mean


def test_expected_latency_of_a_sure_choice_is_its_price(case):
  space, _, tensors = case
  arrays = PriceArrays.of(tensors, len(space.tags))
  vector = space.sample(np.random.default_rng(3))
  sure = [
    np.eye(n, dtype=np.float32)[v]
    for n, v in zip(space.decisions.values(), vector, strict=True)
  ]
  found = float(jax.jit(arrays.expected)(sure))
  assert found == pytest.approx(price(tensors, vector), rel=1e-6)


def test_expected_latency_has_the_gradient_of_finite_differences():
  space = get_space('v3_tiny', 32, 10)
  tensors = price_tensors(space.spec, toy_table(space_keys(space.spec)))
  arrays = PriceArrays.of(tensors, len(space.tags))
  chances = [np.float32(p) for p in probabilities(space, 4)]
  slopes = jax.grad(arrays.expected)(chances)
  for i, chance in enumerate(chances):
    for c in range(len(chance)):
      # the mean is linear in each probability, so a step of 1 is exact
      moved = [p.copy() for p in chances]
      moved[i][c] += 1
      change = float(arrays.expected(moved)) - float(arrays.expected(chances))
      assert change == pytest.approx(float(slopes[i][c]), rel=1e-3, abs=1e-7)


def test_space_keys_are_exactly_the_blocks_of_its_networks(space):
  wanted = space_keys(space.spec)
  assert len(wanted) == len(set(wanted))
  rng = np.random.default_rng(1)
  seen = set()
  for _ in range(3000 if space.spec.name == 'v3_tiny' else 100):
    seen |= set(keys(space.decode(space.sample(rng))))
  assert seen <= set(wanted)
  if space.spec.name == 'v3_tiny':
    assert seen == set(wanted)


def test_prices_are_summed_in_full_precision():
  """A default matmul rounds float32 to bfloat16 on a TPU, to TF32 on a GPU."""
  space = get_space('v3_tiny', 32, 10)
  tensors = price_tensors(space.spec, toy_table(space_keys(space.spec)))
  arrays = PriceArrays.of(tensors, len(space.tags))
  chances = [np.float32(p) for p in probabilities(space, 4)]
  vectors = np.zeros((2, len(space.tags)), np.int32)
  for function, given in ((arrays.price, vectors), (arrays.expected, chances)):
    text = jax.jit(function).lower(given).as_text()
    exact = text.count('precision = [HIGHEST, HIGHEST]')
    assert text.count('dot_general') == exact > 0


def test_bounds_are_those_of_brute_force():
  space = get_space('v3_tiny', 32, 10)
  tensors = price_tensors(space.spec, toy_table(space_keys(space.spec)))
  every = itertools.product(*map(range, space.decisions.values()))
  prices = [price(tensors, vector) for vector in every]
  assert len(prices) == space.size
  assert price_bounds(tensors) == pytest.approx((min(prices), max(prices)))


def test_an_infeasible_target_is_refused_with_both_bounds(case):
  _, _, tensors = case
  low, high = price_bounds(tensors)
  assert check_target((low + high) / 2, tensors) == (low, high)
  for target in (low * 0.9, high * 1.1):
    with pytest.raises(UserError, match=f'{low:.3f} to {high:.3f} ms'):
      check_target(target, tensors)


def test_a_block_missing_from_the_table_is_named(case):
  space, table, _ = case
  wanted = space_keys(space.spec)
  rows = dict(table.rows)
  del rows[wanted[5]]
  says = re.escape(f'has no block "{wanted[5]}"')
  with pytest.raises(UserError, match=says):
    price_tensors(space.spec, LatencyTable(rows, PROVENANCE))


def test_a_key_gives_back_its_block(space):
  rng = np.random.default_rng(2)
  for _ in range(20):
    spec = space.decode(space.sample(rng))
    made = spec.replace(blocks=tuple(block_of(key) for key in keys(spec)))
    assert keys(made) == keys(spec)
