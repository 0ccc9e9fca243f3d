"""A choice of operations: one is computed, or the average of all."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mobilenet_jax.models.builder import build, variable_shapes
from mobilenet_jax.supernet.extract import extract
from mobilenet_jax.supernet.network import SuperNetwork
from tests.supernet.toys import one_hot, operations, weights

SPACE = operations(16)
NETWORK = SuperNetwork(SPACE.spec)
THERE = dict.fromkeys(SPACE.tags, 0) | {'depth': 1, 'skip': 1, 'third/op': 2}


@pytest.fixture(scope='module')
def case():
  """Weights, images, and (soft) -> logits and gradients, compiled once."""
  x = jax.random.normal(jax.random.key(1), (6, 16, 16, 3))
  params = weights(NETWORK, x, one_hot(SPACE, SPACE.vector(THERE)))

  @jax.jit
  def gradients(params, soft):
    def loss(params, soft):
      logits = NETWORK.apply({'params': params}, x, soft)
      return jnp.sum(logits**2), logits

    grads, logits = jax.grad(loss, (0, 1), has_aux=True)(params, soft)
    return logits, *grads

  return params, x, gradients


def alone(params, x, choice):
  """Its vector, and logits and gradients of the network on its own, by the
  statistics of the batch."""
  vector = SPACE.vector(choice)
  network, own = build(SPACE.decode(vector)), extract(params, SPACE, vector)
  stats = variable_shapes(network)['batch_stats']
  stats = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape), stats)

  @jax.jit
  def gradient(own):
    def loss(own):
      logits, _ = network.apply(
        {'params': own, 'batch_stats': stats}, x, train=True,
        mutable=['batch_stats'],
      )  # fmt: skip
      return jnp.sum(logits**2), logits

    return jax.grad(loss, has_aux=True)(own)

  grads, logits = gradient(own)
  return vector, logits, grads


def close(a, b, scale):
  np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-4 * scale)


@pytest.mark.parametrize('index', range(3))
def test_what_is_chosen_learns_what_it_learns_alone_and_the_rest_nothing(
  case, index
):
  params, x, gradients = case
  third = 3 - index  # nothing has no weights, nor has the pool
  choice = THERE | {
    'first/op': index, 'second/op': index, 'third/op': third,
    'stem/kernel': index % 2, 'stem/width': index % 2, 'width': index // 2,
    'head': index % 2, 'last': index // 2, 'skip': index // 2,
    'third/kernel': 1, 'third/expand': index // 2,
  }  # fmt: skip
  vector, logits, wanted = alone(params, x, choice)
  found, grads, _ = gradients(params, one_hot(SPACE, vector))
  np.testing.assert_allclose(found, logits, rtol=2e-3, atol=2e-3)
  scale = max(np.abs(g).max() for g in jax.tree.leaves(wanted))
  own = extract(grads, SPACE, vector)
  jax.tree.map(lambda a, b: close(a, b, scale), own, wanted)
  chosen = {'block_02': index, 'block_03': index, 'block_04': third}
  for block, ops in grads.items():
    for name, tree in ops.items():
      if name.startswith('op_') and name != f'op_{chosen[block]}':
        assert not any(np.any(g) for g in jax.tree.leaves(tree)), (block, name)


def test_an_average_is_that_of_what_the_operations_make(case):
  """And its gradient tells what each is worth."""
  params, x, _ = case
  body = SuperNetwork(SPACE.spec.replace(blocks=SPACE.spec.blocks[:4]))
  direction = jax.random.normal(jax.random.key(2), (6, 8, 8, 24))

  @jax.jit
  def run(soft):
    def along(soft):
      y = body.apply({'params': params}, x, soft)
      return jnp.sum(direction[:, : y.shape[1], : y.shape[2]] * y), y

    return jax.grad(along, has_aux=True)(soft)

  def made(**some):
    return one_hot(SPACE, SPACE.vector(THERE | some))

  each = [run(made(**{'second/op': i}))[1] for i in range(3)]
  share = jnp.asarray([0.2, 0.3, 0.5])
  slopes, mixed = run(made() | {'second/op': share})
  wanted = sum(s * y for s, y in zip(share, each, strict=True))
  np.testing.assert_allclose(mixed, wanted, rtol=1e-4, atol=1e-4)
  some = direction[:, : mixed.shape[1], : mixed.shape[2]]
  worth = [float(jnp.sum(some * y)) for y in each]
  worth = np.asarray(worth) - float(jnp.sum(some * run(made(depth=0))[1]))
  np.testing.assert_allclose(slopes['second/op'], worth, rtol=1e-2, atol=1e-2)
  # an optional operation without a shortcut is half of it and half of x
  ends = [run(made(depth=i))[1] for i in range(2)]
  _, half = run(made() | {'depth': jnp.asarray([0.5, 0.5])})
  np.testing.assert_allclose(half, (ends[0] + ends[1]) / 2, atol=1e-4)
  assert np.abs(ends[0] - ends[1]).max() > 0.1


def test_what_is_not_taken_is_not_kept():
  """Between forward and backward; by `lax.cond` alone it is 21 times these
  pixels."""
  x = jnp.zeros((8, 16, 16, 3))
  soft = one_hot(SPACE, [0] * len(SPACE.tags))
  params = jax.eval_shape(NETWORK.init, jax.random.key(0), x, soft)['params']

  def loss(params, x):
    return jnp.sum(NETWORK.apply({'params': params}, x, soft))

  saved = jax.eval_shape(lambda p, x: jax.vjp(loss, p, x)[1], params, x)
  sizes = [leaf.size for leaf in jax.tree.leaves(saved)]
  weights = sum(leaf.size for leaf in jax.tree.leaves(params))
  pixels = 8 * 8 * 8  # of the stem's output
  assert sum(sizes) - weights < 8 * pixels * 24
