"""Networks taken from a controller keep to the window, and are likely."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.key import keys
from mobilenet_jax.latency.tensors import price, price_tensors, space_keys
from mobilenet_jax.models import get_arch
from mobilenet_jax.search.evidence import neighbours
from mobilenet_jax.search.scaling import scale_to_latency
from mobilenet_jax.search.select import (
  drawn_within,
  likeliest_within,
  random_within,
)
from mobilenet_jax.space import get_space
from mobilenet_jax.space.reach import reach_tensor, reached
from tests.latency.toy import toy_ms, toy_table
from tests.space.own import every_vector, random_space


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
  found = likeliest_within(space, logits, cost, target, 0.02)
  assert found in fits
  assert likelihood(found) == pytest.approx(max(map(likelihood, fits)))


def test_where_no_network_fits_there_is_no_likeliest(space, cost):
  logits = random_logits(space, 0)
  assert likeliest_within(space, logits, cost, 1e-9, 0.1) is None


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_likeliest_within_visits_every_network_of_random_spaces_in_order(seed):
  space = random_space(seed)
  logits, met = random_logits(space, seed), []

  def cost(vector):
    met.append(vector)
    return 1.0

  assert likeliest_within(space, logits, cost, 9.0, 0.1) is None
  likelihood = [logits[range(len(v)), list(v)].sum() for v in met]
  np.testing.assert_array_less(np.diff(likelihood), 1e-9)
  best = {}  # of the vectors of a network
  for vector in every_vector(space):
    network, own = space.decode(vector), logits[range(len(vector)), vector]
    best[network] = max(best.get(network, -np.inf), own.sum())
  first = {}
  for vector, own in zip(met, likelihood, strict=True):
    first.setdefault(space.decode(vector), own)
  assert first == pytest.approx(best)


@pytest.fixture(scope='module')
def converged():
  """A controller that is sure of a network of the least depths, and has been
  told nothing of the decisions which that does not reach."""
  space = get_space('v3_small_images', 32, 10)
  tensors = price_tensors(space.spec, toy_table(space_keys(space.spec)))
  sizes = np.array(list(space.decisions.values()))
  sure = np.zeros(len(sizes), int)
  idle = ~reached(reach_tensor(space), sure)
  assert idle.sum() > 10
  logits = np.where(np.arange(sizes.max()) < sizes[:, None], 0.0, -np.inf)
  logits[~idle, 0] = 4.0
  return space, logits, lambda vector: price(tensors, vector), tuple(sure)


def test_candidates_of_a_converged_controller_are_different_networks(converged):
  space, logits, cost, sure = converged
  window = (cost, cost(sure), 0.3)
  drawn = drawn_within(space, logits, *window, 12, 0)
  random = random_within(space, *window, 12, 0)
  for found in (drawn, random):
    assert len({space.decode(vector) for vector in found}) == 12


def test_clones_of_the_likeliest_do_not_hide_what_lies_behind(converged):
  space, logits, cost, sure = converged
  ranked = sorted(
    (cost(v), v) for _, _, v in neighbours(space, sure) if cost(v) > cost(sure)
  )
  target, wanted = ranked[-1]  # one decision away; its clones are millions
  asked = []

  def counted(vector):
    asked.append(vector)
    return cost(vector)

  found = likeliest_within(space, logits, counted, target, 1e-6)
  assert space.decode(found) == space.decode(wanted)
  assert len({space.decode(vector) for vector in asked}) == len(asked) < 2000


@pytest.mark.parametrize('draw', ['random', 'controller'])
def test_draws_keep_to_the_window_and_to_the_seed(space, cost, draw):
  target = cost(space.sample(np.random.default_rng(5)))

  def drawn(seed):
    if draw == 'random':
      return random_within(space, cost, target, 0.1, 4, seed)
    logits = random_logits(space, 0)
    return drawn_within(space, logits, cost, target, 0.1, 4, seed)

  found = drawn(0)
  assert len(set(found)) == 4
  assert all(abs(cost(v) / target - 1) <= 0.1 for v in found)
  assert drawn(0) == found
  assert drawn(1) != found


def test_too_few_random_networks_is_an_error(space, cost, monkeypatch):
  monkeypatch.setattr('mobilenet_jax.search.select.MOST_DRAWS', 50)
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
