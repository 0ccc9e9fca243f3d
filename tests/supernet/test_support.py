"""Which spaces can share weights; the others are refused in one sentence."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mobilenet_jax.arch import (
  Conv,
  Dense,
  InvertedResidual,
  Pool,
  one_of,
)
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.models.builder import build, variable_shapes
from mobilenet_jax.space import SearchSpace, get_space, list_spaces
from mobilenet_jax.supernet.extract import extract
from mobilenet_jax.supernet.network import SuperNetwork
from mobilenet_jax.supernet.support import check_shareable
from tests.supernet.toys import one_hot, weights

SOME = {  # blocks of shipped spaces that hold each of their forms
  'mnasnet': 4,
  'mobilenet_v3_like_extended': 3,
  'mobilenet_v4': 4,
}
ALIKE = (  # of the same forms as others, or tested elsewhere
  'mobilenet_v3_like', 'proxylessnas', 'v3_mobile', 'v3_small_images',
  'v3_tiny',
)  # fmt: skip


@pytest.mark.parametrize('name', list_spaces())
def test_every_space_holds(name):
  space = get_space(name, 64, 10)
  check_shareable(space.spec)
  if name in ALIKE:
    return
  soft = {tag: jnp.ones(n) / n for tag, n in space.decisions.items()}
  network = SuperNetwork(space.spec)
  out = jax.eval_shape(
    lambda x: network.init_with_output(jax.random.key(0), x, soft)[0],
    jnp.zeros((2, 64, 64, 3)),
  )
  assert out.shape == (2, 10)


@pytest.mark.parametrize('name', SOME)
def test_a_sampled_network_of_a_published_space_is_what_it_is_alone(name):
  spec = get_space(name, 16, 10).spec
  blocks = (*spec.blocks[: SOME[name]], Pool(), Dense(channels=10))
  space = SearchSpace(spec.replace(blocks=blocks))
  network = SuperNetwork(space.spec)
  x = jax.random.normal(jax.random.key(1), (4, 16, 16, 3))
  params = weights(network, x, one_hot(space, [0] * len(space.tags)))
  apply = jax.jit(lambda soft: network.apply({'params': params}, x, soft))
  rng = np.random.default_rng(7)
  for vector in (space.largest(), space.sample(rng)):
    alone = build(space.decode(vector))
    stats = variable_shapes(alone)['batch_stats']
    stats = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), stats)
    own = {'params': extract(params, space, vector), 'batch_stats': stats}
    wanted, _ = alone.apply(own, x, train=True, mutable=['batch_stats'])
    found = apply(one_hot(space, vector))
    np.testing.assert_allclose(found, wanted, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(
  ('extra', 'says'),
  [
    (
      InvertedResidual(
        kernel=3, expand_ratio=4, channels=16, squeezed=one_of('sq', 8, 16)
      ),
      r'block 1 \(ir\): a searched squeezed has no',
    ),
    (
      one_of(
        'op',
        Conv(kernel=3, channels=16),
        Conv(kernel=3, channels=16, dilation=one_of('rate', 1, 2)),
      ),
      r'block 1, alternative 1 \(conv\): a searched dilation has no',
    ),
    (
      Conv(kernel=3, channels=one_of('c', 8, 16), groups=2),
      r'block 1 \(conv\): a searched channels has no',
    ),
  ],
)  # fmt: skip
def test_fields_that_it_would_get_wrong_are_named(extra, says):
  spec = get_space('v3_tiny', 32, 10).spec
  spec = spec.replace(blocks=(spec.blocks[0], extra, *spec.blocks[1:]))
  with pytest.raises(UserError, match=f'v3_tiny, {says} weight-sharing form'):
    SuperNetwork(spec)
