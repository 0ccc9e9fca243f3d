"""The shared weights really hold every network of the space."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mobilenet_jax.arch import (
  InvertedResidual,
  OneOf,
  block_name,
  expanded_channels,
  pick,
  shapes,
  squeezed_channels,
)
from mobilenet_jax.models.builder import build
from mobilenet_jax.nn import native
from mobilenet_jax.nn.blocks import Options
from mobilenet_jax.space import get_space
from mobilenet_jax.supernet.network import SuperNetwork


@pytest.fixture(scope='module', params=['v3_tiny', 'v3_small_images'])
def case(request):
  space = get_space(request.param, 16, 10)
  network = SuperNetwork(space.spec)
  soft = one_hot(space, [0] * len(space.tags))
  x = jax.random.normal(jax.random.key(1), (4, 16, 16, 3))
  params = jax.jit(network.init)(jax.random.key(0), x, soft)['params']
  rng = np.random.default_rng(0)
  params = jax.tree.map(
    lambda p: p + 0.1 * rng.normal(size=p.shape).astype(p.dtype), params
  )
  apply = jax.jit(lambda soft: network.apply({'params': params}, x, soft))
  return space, params, x, apply


def one_hot(space, vector):
  return {
    tag: jax.nn.one_hot(v, n)
    for v, (tag, n) in zip(vector, space.decisions.items(), strict=True)
  }


def cut(params, space, vector):
  """The weights of one network, cut out of the shared ones by hand."""
  choice = space.choice(vector)
  spec = space.decode(vector)
  kept = [
    i
    for i, b in enumerate(space.spec.blocks)
    if pick(getattr(b, 'keep', True), choice)
  ]
  made = {}
  for new, (old, block, io) in enumerate(
    zip(kept, spec.blocks, shapes(spec), strict=True)
  ):
    tree = params.get(block_name(old))
    if tree is None:
      continue
    wide = thin = edge = 0
    if isinstance(block, InvertedResidual):
      wide = expanded_channels(block, io.in_channels)
      thin = squeezed_channels(block, wide)
      largest = tree['depthwise']['conv']['kernel'].shape[0]
      edge = (largest - block.kernel) // 2
    ends = {
      'expand': (io.in_channels, wide),
      'project': (wide, io.out_channels),
      'squeeze_excite/reduce': (wide, thin),
      'squeeze_excite/expand': (thin, wide),
      'depthwise': (1, wide),
    }

    def cut_leaf(path, leaf, ends=ends, edge=edge, block=block, io=io):
      keys = [k.key for k in path]
      scope = '/'.join(k for k in keys[:-1] if k not in ('conv', 'norm'))
      cin, cout = ends.get(scope, (io.in_channels, io.out_channels))
      if scope == 'depthwise' and keys[-1] == 'kernel':
        inner = slice(edge, edge + block.kernel)
        leaf = leaf[inner, inner]
      if leaf.ndim > 1:
        leaf = leaf[..., :cin, :]
      return leaf[..., :cout]

    tree = {k: v for k, v in tree.items() if k != 'squeeze_excite' or thin}
    made[block_name(new)] = jax.tree_util.tree_map_with_path(cut_leaf, tree)
  return spec, made


def test_a_sampled_network_computes_what_it_does_on_its_own(case):
  space, params, x, apply = case
  rng = np.random.default_rng(3)
  vectors = [space.sample(rng) for _ in range(4)]
  vectors.append([n - 1 for n in space.decisions.values()])
  vectors.append([0] * len(space.tags))
  for vector in vectors:
    spec, own = cut(params, space, vector)
    alone = build(spec)
    stats = alone.init(jax.random.key(0), x)['batch_stats']
    expected, _ = alone.apply(
      {'params': own, 'batch_stats': stats}, x, train=True,
      mutable=['batch_stats'],
    )  # fmt: skip
    np.testing.assert_allclose(
      apply(one_hot(space, vector)), expected, rtol=2e-3, atol=2e-3
    )


@pytest.mark.skipif(not native.available(), reason='no C++ compiler here')
@pytest.mark.parametrize('averaged', [False, True])
def test_what_is_not_computed_would_not_count(averaged):
  """The compiled kernels leave channels out, the other forms mask them."""
  space = get_space('v3_small_images', 16, 10)
  rng = np.random.default_rng(5)
  soft = one_hot(space, space.sample(rng))
  if averaged:  # as in a warm-up, of the smaller choices
    for tag, n in space.decisions.items():
      soft[tag] = jnp.asarray([1.0, 1.0, 0.0][:n]) / min(n, 2)
  x = jax.random.normal(jax.random.key(1), (4, 16, 16, 3))
  init = SuperNetwork(space.spec).init
  params = jax.jit(init)(jax.random.key(0), x, soft)['params']

  def gradients(impl):
    network = SuperNetwork(space.spec, Options(impl=impl))

    def loss(params):
      return jnp.sum(network.apply({'params': params}, x, soft) ** 2)

    return jax.jit(jax.value_and_grad(loss))(params)

  found, wanted = gradients('native'), gradients('cpu')
  largest = max(np.abs(g).max() for g in jax.tree.leaves(wanted[1]))
  for a, b in zip(*map(jax.tree.leaves, (found, wanted)), strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5 * largest)


def test_absent_blocks_and_channels_get_no_gradient(case):
  space, params, x, _ = case
  vector = [0] * len(space.tags)
  network = SuperNetwork(space.spec)

  def loss(params):
    out = network.apply({'params': params}, x, one_hot(space, vector))
    return jnp.sum(out**2)

  grads = jax.jit(jax.grad(loss))(params)
  choice = space.choice(vector)
  for i, block in enumerate(space.spec.blocks):
    tree = grads.get(block_name(i))
    if not pick(getattr(block, 'keep', True), choice):
      assert all(not np.any(g) for g in jax.tree.leaves(tree))
    elif isinstance(block, InvertedResidual):
      kernel = np.asarray(tree['depthwise']['conv']['kernel'])
      assert np.any(kernel)
      assert not np.any(kernel[0])  # outside the smallest kernel
      if isinstance(block.expand_ratio, OneOf):
        assert not np.any(kernel[..., -1])  # beyond the smallest width
