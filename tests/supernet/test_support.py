"""Which spaces can share weights; the others are refused in one sentence."""

import jax
import jax.numpy as jnp
import pytest

from mobilenet_jax.arch import Conv, InvertedResidual, one_of
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.space import get_space
from mobilenet_jax.supernet.network import SuperNetwork

KEEP = one_of('there', True, False)


@pytest.mark.parametrize('name', ['fbnet', 'proxylessnas_enlarged'])
def test_it_holds(name):
  space = get_space(name, 32, 10)
  soft = {tag: jnp.ones(n) / n for tag, n in space.decisions.items()}
  network = SuperNetwork(space.spec)
  out = jax.eval_shape(
    lambda x: network.init_with_output(jax.random.key(0), x, soft)[0],
    jnp.zeros((2, 32, 32, 3)),
  )
  assert out.shape == (2, 10)


@pytest.mark.parametrize(
  ('name', 'says'),
  [
    ('mnasnet', r"block 1: a choice of operations \('stage1/op'\) has no"),
    ('ofa_mobilenet_v3', 'a searched resolution has no weight-sharing form'),
    ('mobilenet_v3_like', r'block 0 \(conv\): a searched kernel has no'),
    ('mobilenet_v4', r'block 1 \(fused\): a searched channels has no'),
  ],
)
def test_what_it_does_not_hold_is_named(name, says):
  with pytest.raises(UserError, match=says):
    SuperNetwork(get_space(name, 64, 10).spec)


@pytest.mark.parametrize(
  ('extra', 'says'),
  [
    (Conv(kernel=3, channels=16, keep=KEEP), r'\(conv\): a searched keep has'),
    (
      InvertedResidual(
        kernel=3, expand_ratio=4, channels=16, residual=False, keep=KEEP
      ),
      r'\(ir\): an optional block without a shortcut has no',
    ),
    (
      InvertedResidual(
        kernel=3, expand_ratio=4, channels=16, squeezed=one_of('sq', 8, 16)
      ),
      r'\(ir\): a searched squeezed has no',
    ),
  ],
)
def test_fields_that_it_would_get_wrong_are_named(extra, says):
  spec = get_space('v3_tiny', 32, 10).spec
  spec = spec.replace(blocks=(spec.blocks[0], extra, *spec.blocks[1:]))
  with pytest.raises(UserError, match=f'v3_tiny, block 1 {says}'):
    SuperNetwork(spec)
