"""Networks taken from a controller keep to the window, and are likely."""

import itertools

import numpy as np
import pytest

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.core.errors import JobError, UserError
from mobilenet_jax.latency.key import keys
from mobilenet_jax.latency.tensors import price, price_tensors, space_keys
from mobilenet_jax.models import get_arch
from mobilenet_jax.search.scaling import scale_to_latency
from mobilenet_jax.search.select import (
  drawn_within,
  likeliest_within,
  random_within,
)
from mobilenet_jax.space import get_space
from tests.latency.toy import toy_ms, toy_table


@pytest.fixture(scope='module')
def space():
  return get_space('v3_tiny', 32, 10)


@pytest.fixture(scope='module')
def cost(space):
  tensors = price_tensors(space.spec, toy_table(space_keys(space.spec)))
  return lambda vector: price(tensors, vector)


def random_logits(space, seed):
  sizes = np.array(list(space.decisions.values()))
  logits = np.random.default_rng(seed).normal(size=(len(sizes), sizes.max()))
  logits[np.arange(sizes.max()) >= sizes[:, None]] = -np.inf
  return logits


@pytest.mark.parametrize('seed', range(5))
def test_likeliest_within_is_that_of_brute_force(space, cost, seed):
  logits = random_logits(space, seed)
  every = list(itertools.product(*map(range, space.decisions.values())))
  target = float(np.median([cost(v) for v in every[::50]]))

  def likelihood(vector):
    return sum(logits[d, i] for d, i in enumerate(vector))

  fits = [v for v in every if abs(cost(v) / target - 1) <= 0.02]
  found = likeliest_within(logits, cost, target, 0.02)
  assert found in fits
  assert likelihood(found) == pytest.approx(max(map(likelihood, fits)))


def test_no_likely_network_is_an_error(space, cost):
  with pytest.raises(JobError, match='No likely network costs 1e-09 ms'):
    likeliest_within(random_logits(space, 0), cost, 1e-9, 0.1)


@pytest.mark.parametrize('draw', ['random', 'controller'])
def test_draws_keep_to_the_window_and_to_the_seed(space, cost, draw):
  target = cost(space.sample(np.random.default_rng(5)))

  def drawn(seed):
    if draw == 'random':
      return random_within(space, cost, target, 0.1, 4, seed)
    logits = random_logits(space, 0)
    return drawn_within(logits, cost, target, 0.1, 4, seed)

  found = drawn(0)
  assert len(set(found)) == 4
  assert all(abs(cost(v) / target - 1) <= 0.1 for v in found)
  assert drawn(0) == found
  assert drawn(1) != found


def test_too_few_random_networks_is_an_error(space, cost, monkeypatch):
  monkeypatch.setattr('mobilenet_jax.search.select.MOST_TRIES', 50)
  with pytest.raises(UserError, match='Found 0 of 3'):
    random_within(space, cost, 1e9, 0.01, 3, 0)


@pytest.mark.parametrize('factor', [0.4, 1.0, 3.3])
def test_scaling_lands_on_the_latency_and_asks_for_few_prices(factor):
  asked: list[ArchSpec] = []

  def ms(spec):
    asked.append(spec)
    return sum(map(toy_ms, keys(spec)))

  def make(width):
    return get_arch('mobilenet_v3_small', width, 64, 10)

  target = factor * ms(make(1.0))
  asked.clear()
  spec, got = scale_to_latency(make, ms, target)
  assert got == pytest.approx(target, rel=0.06)
  assert got == pytest.approx(sum(map(toy_ms, keys(spec))))
  assert len(asked) <= 8


def test_scaling_keeps_to_widths_that_have_a_price():
  make = lambda width: get_arch('mobilenet_v3_small', width, 64, 10)
  ms = lambda spec: sum(map(toy_ms, keys(spec)))
  only = lambda *widths: lambda spec: spec in [make(w) for w in widths]
  target = ms(make(1.0))
  found = scale_to_latency(make, ms, target, can_price=only(0.5, 1.5))
  assert found is not None
  assert found[0] in (make(0.5), make(1.5))
  assert scale_to_latency(make, ms, target, can_price=only()) is None
