"""Policies learn, remember nothing but trials, and find a known optimum."""

import numpy as np
import optuna
import pytest

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.search.policies import (
  POLICIES,
  Settings,
  make_policy,
)
from mobilenet_jax.search.policies.gradient import learn, softmax
from mobilenet_jax.space import get_space
from tests.search.toys import Rugged, small_quality, small_space

SPACE = get_space('v3_small_images', 32, 10)
SMALL = small_space()


def search(name, space, quality, seed, budget, found=()):
  """The trials of a policy of our own, as (vector, reward)."""
  found = list(found)
  for number in range(len(found), budget):
    vector = make_policy(name, space, seed, number).propose(found)
    found.append((vector, quality(vector)))
  return found


def best(found):
  return max(reward for _, reward in found)


@pytest.fixture(scope='module')
def at_random():
  """The best of 60 random networks, over 20 seeds."""
  return np.asarray(
    [best(search('random', SPACE, Rugged(SPACE, s), s, 60)) for s in range(20)]
  )


@pytest.mark.parametrize('name', ['evolution', 'policy_gradient'])
def test_a_learning_policy_beats_random_by_more_than_the_noise(name, at_random):
  learnt = np.asarray(
    [best(search(name, SPACE, Rugged(SPACE, s), s, 60)) for s in range(20)]
  )
  gain = learnt - at_random
  error = gain.std(ddof=1) / np.sqrt(len(gain))
  assert gain.mean() > 3 * error, gain


def test_evolution_takes_the_best_of_the_living_as_parents():
  """A network that was the best but has aged out has no more children."""
  settings = Settings(population=3, tournament=3, mutations=0.01)
  old, parent, poor = (3, 3, 3), (0, 0, 0), (1, 1, 1)
  found = [(old, 9.0), (poor, 1.0), (parent, 2.0), (poor, 1.5)]
  for number in range(20):
    child = make_policy('evolution', SMALL, 0, number, settings).propose(found)
    changed = [a != b for a, b in zip(child, parent, strict=True)]
    assert sum(changed) == 1
  # of equals the youngest
  found += [((2, 2, 2), 2.0)]
  child = make_policy('evolution', SMALL, 0, 4, settings).propose(found)
  assert sum(a != 2 for a in child) == 1


def test_what_is_drawn_at_random_is_within_the_window():
  fits = lambda vector: sum(vector) == 4
  settings = Settings(population=4)
  for number in range(30):
    for name in ('random', 'evolution'):
      policy = make_policy(name, SMALL, 0, number, settings, fits)
      assert fits(policy.propose([]))
  never = make_policy('random', SMALL, 0, 0, fits=lambda _: False)
  assert len(never.propose([])) == 3  # none fits: the policy goes on


def test_evolution_is_random_until_its_population_is_there():
  settings = Settings(population=4)
  found = [((1, 1, 1), 5.0)] * 3
  child = make_policy('evolution', SMALL, 7, 3, settings).propose(found)
  assert child == make_policy('random', SMALL, 7, 3).propose([])


def test_the_policy_gradient_is_ppo_by_hand():
  """One batch of two trials, one decision, first epochs written out."""
  from mobilenet_jax.search.policies import gradient

  logits = np.zeros((1, 2))
  vectors, reached = np.asarray([[0], [1]]), np.ones((2, 1))
  gains = np.asarray([1.0, -1.0])
  before = np.log([0.5, 0.5])
  slope = gradient._slope(logits, vectors, reached, gains, before)
  # mean of gain * (one hot - probability): (0.5, -0.5), twice, halved
  np.testing.assert_allclose(slope, [[0.5, -0.5]])
  moved = np.asarray([[1.0, 0.0]])  # ratio of the first 1.46, beyond the clip
  assert not gradient._slope(moved, vectors, reached, gains, before).any()


def test_the_policy_gradient_learns_what_is_rewarded():
  found = tuple(
    ((i % 4, 0, i // 4 % 4), 1.0 if i % 4 == 2 else 0.0) for i in range(64)
  )
  odds = softmax(learn(SMALL, found, 4, 0.15))
  assert odds[0].argmax() == 2
  assert odds[0, 2] > 0.8
  # of the others nothing is learnt: only the share that was always chosen
  assert odds[2].max() < 0.5


def test_the_policy_gradient_leaves_what_a_network_does_not_reach():
  shallow = [0] * len(SPACE.tags)  # every stage has one block
  absent = SPACE.tags.index('stage2/block2/kernel')
  there = SPACE.tags.index('stage2/block1/kernel')
  other = list(shallow)
  other[absent] = other[there] = 1
  found = ((tuple(shallow), 0.0), (tuple(other), 1.0))
  logits = learn(SPACE, found, 2, 0.15)
  assert logits[there, 1] > logits[there, 0]
  assert logits[absent, 0] == logits[absent, 1] == 0.0


@pytest.mark.parametrize('name', ['random', 'evolution', 'policy_gradient'])
def test_a_search_that_begins_anew_after_any_trial_goes_on_alike(name):
  whole = search(name, SMALL, small_quality, 3, 30)
  for stopped in range(30):
    learn.cache_clear()
    again = search(name, SMALL, small_quality, 3, stopped + 1, whole[:stopped])
    assert again == whole[: stopped + 1]


def test_seeds_and_numbers_differ():
  drawn = {
    make_policy('random', SPACE, seed, number).propose([])
    for seed in range(5)
    for number in range(5)
  }
  assert len(drawn) == 25


def test_an_unknown_policy_names_the_nearest():
  with pytest.raises(UserError, match=r"'evolved'\. Did you mean 'evolution'"):
    make_policy('evolved', SMALL, 0, 0)


def test_every_policy_is_a_sampler_of_optuna():
  for name in POLICIES:
    sampler = make_policy(name, SMALL, 0, 0)
    assert isinstance(sampler, optuna.samplers.BaseSampler)
