"""The front of what was seen, and the networks one decision away."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mobilenet_jax.search.evidence import Judged, front, neighbours
from mobilenet_jax.space import get_space

POINTS = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1)


@given(POINTS)
def test_the_front_is_what_no_other_beats(points):
  judged = [Judged((i,), ms, q) for i, (ms, q) in enumerate(points)]
  kept = front(judged)
  for one in judged:
    beaten = any(
      o.ms <= one.ms
      and o.quality >= one.quality
      and (o.ms, o.quality) != (one.ms, one.quality)
      for o in judged
    )
    twins = [o for o in kept if (o.ms, o.quality) == (one.ms, one.quality)]
    assert len(twins) == (not beaten)


def test_neighbours_are_other_networks_one_decision_away():
  space = get_space('v3_small_images', 32, 10)
  rng = np.random.default_rng(0)
  for _ in range(5):
    vector = space.sample(rng)
    around = neighbours(space, vector)
    for tag, index, other in around:
      assert space.choice(other)[tag] == index
      assert sum(a != b for a, b in zip(vector, other, strict=True)) == 1
      assert space.decode(other) != space.decode(vector)
    assert len({v for *_, v in around}) == len(around)
