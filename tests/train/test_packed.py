"""Packing changes how an update is computed, not what it is."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mobilenet_jax.train.packed import global_norm, pack, packed, unpack
from tests.train.toy import same

SHAPES = {
  'a': {'kernel': (3, 3, 1, 4), 'gain': (4,)},
  'b': {'kernel': (4, 5), 'bias': (5,), 'temperature': ()},
}


def tree(seed, shapes=SHAPES):
  rng = np.random.default_rng(seed)
  return jax.tree.map(
    lambda shape: jnp.asarray(rng.normal(size=shape), jnp.float32),
    shapes,
    is_leaf=lambda x: isinstance(x, tuple),
  )


@pytest.mark.parametrize(
  'shapes', [SHAPES, {'kernel': (2, 3)}, {'gain': (4,), 'bias': (2,)}]
)
def test_unpacked_is_what_was_packed(shapes):
  given = tree(0, shapes)
  same(unpack(pack(given), given), given)
  np.testing.assert_allclose(
    global_norm(given), optax.global_norm(given), rtol=1e-6
  )


def test_an_update_is_that_of_every_array_alone():
  rule = optax.chain(
    optax.clip_by_global_norm(0.5), optax.adamw(0.1, weight_decay=0.01)
  )
  params, together, alone = tree(0), packed(rule), rule
  states = [together.init(params), alone.init(params)]
  for step in range(3):
    grads = tree(step + 1)
    ours, states[0] = together.update(grads, states[0], params)
    theirs, states[1] = alone.update(grads, states[1], params)
    jax.tree.map(
      lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5), ours, theirs
    )
    params = optax.apply_updates(params, ours)
