"""Kendall's tau between inherited and stand-alone accuracies."""

import numpy as np
import pytest
from scipy.stats import kendalltau

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.search.agreement import agreement


@pytest.mark.parametrize('steps', [1000, 4])
def test_tau_is_scipys_with_ties_and_without(steps):
  rng = np.random.default_rng(0)
  a, b = rng.integers(0, steps, (2, 12)) / steps
  found = agreement(a, b)
  assert found.tau == pytest.approx(kendalltau(a, b).statistic)
  assert found.low < found.tau < found.high
  assert found.networks == 12
  assert found == agreement(a, b)
  assert found != agreement(a, b, seed=1)


def test_the_same_order_is_1_and_the_opposite_minus_1():
  a = np.linspace(0.1, 0.9, 30)
  assert agreement(a, a**3) == agreement(a, a)
  assert agreement(a, a).low == pytest.approx(1)
  assert agreement(a, -a).high == pytest.approx(-1)


def test_the_interval_covers_what_is_true_of_many_networks():
  rng = np.random.default_rng(1)
  truth = 2 / np.pi * np.arcsin(0.6)  # of a normal pair correlated by 0.6
  hits = 0
  for seed in range(20):
    a = rng.normal(size=40)
    b = 0.6 * a + 0.8 * rng.normal(size=40)
    found = agreement(a, b, seed)
    hits += found.low <= truth <= found.high
  assert hits >= 16


@pytest.mark.parametrize(
  ('a', 'b', 'says'),
  [
    ([1, 2, 3, 4], [1, 2, 3, 4], '4 networks are too few; it takes 5'),
    ([1] * 6, range(6), 'equally accurate'),
  ],
)
def test_what_has_no_ranks_is_refused(a, b, says):
  with pytest.raises(UserError, match=says):
    agreement(a, list(b))
