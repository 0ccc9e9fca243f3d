"""The codec of a space, and what its decisions reach."""

import math

import numpy as np
import pytest

from mobilenet_jax.arch import check
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.space import get_space, list_spaces
from mobilenet_jax.space.reach import reach_tensor


@pytest.fixture(params=list_spaces())
def space(request):
  return get_space(request.param, 64, 10)


def test_samples_decode_to_networks(space):
  rng = np.random.default_rng(0)
  assert space.size == math.prod(space.decisions.values())
  for _ in range(50):
    vector = space.sample(rng)
    check(space.decode(vector))
    assert space.vector(space.choice(vector)) == vector


def test_the_same_seed_draws_the_same_networks(space):
  draws = [
    [space.sample(np.random.default_rng(s)) for _ in range(3)] for s in (1, 1)
  ]
  assert draws[0] == draws[1]


def test_an_unreachable_decision_changes_nothing_and_a_reachable_one_does(
  space,
):
  reach = reach_tensor(space)
  rng = np.random.default_rng(0)
  sizes = list(space.decisions.values())
  some_unreachable = False
  for _ in range(20):
    vector = list(space.sample(rng))
    network = space.decode(vector)
    for d, size in enumerate(sizes):
      matters = any(reach[d, k, c] for k, c in enumerate(vector))
      other = list(vector)
      other[d] = (vector[d] + 1) % size
      assert (space.decode(other) != network) == matters
      some_unreachable |= not matters
  assert some_unreachable


def test_unknown_space():
  with pytest.raises(UserError, match="Did you mean 'v3_tiny'"):
    get_space('v3_tinny', 32, 10)


def test_a_mutation_changes_something_and_a_crossing_takes_from_both(space):
  rng = np.random.default_rng(0)
  sizes = list(space.decisions.values())
  changed = []
  for _ in range(200):
    a, b = space.sample(rng), space.sample(rng)
    mutant = space.mutate(a, rng, 0.2)
    assert all(0 <= v < n for v, n in zip(mutant, sizes, strict=True))
    changed.append(sum(x != y for x, y in zip(a, mutant, strict=True)))
    child = space.cross(a, b, rng)
    assert all(c in (x, y) for c, x, y in zip(child, a, b, strict=True))
    least = space.mutate(a, rng, 0.0)
    assert sum(x != y for x, y in zip(a, least, strict=True)) == 1
  assert min(changed) >= 1
  assert np.mean(changed) == pytest.approx(0.2 * len(sizes), rel=0.3)
