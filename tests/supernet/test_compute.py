"""A step costs what the sampled network does, not the largest."""

import time

import jax
import jax.numpy as jnp
import pytest

from mobilenet_jax.arch import (
  ArchSpec,
  Conv,
  Dense,
  DepthwiseSeparable,
  InvertedResidual,
  Pool,
  one_of,
)
from mobilenet_jax.nn import native
from mobilenet_jax.space import SearchSpace
from mobilenet_jax.supernet.network import SuperNetwork


def block(keep):
  return InvertedResidual(
    kernel=one_of('kernel', 3, 7),
    expand_ratio=one_of('expand', 2, 8),
    channels=48,
    activation='relu',
    keep=keep,
  )


SPACE = SearchSpace(
  ArchSpec(
    name='wide_or_deep',
    resolution=32,
    blocks=(
      Conv(kernel=3, stride=2, channels=48, activation='relu'),
      block(True),
      block(one_of('depth', False, True)),
      one_of(
        'operation',
        DepthwiseSeparable(kernel=3, channels=48),
        Conv(kernel=7, channels=48),
      ),
      Pool(),
      Dense(channels=10),
    ),
  )
)


@pytest.mark.skipif(not native.available(), reason='no C++ compiler here')
def test_a_small_network_takes_a_small_part_of_the_time():
  network = SuperNetwork(SPACE.spec)
  x = jax.random.normal(jax.random.key(0), (16, 32, 32, 3))

  def soft(index):
    return {tag: jax.nn.one_hot(index, n) for tag, n in SPACE.decisions.items()}

  params = jax.jit(network.init)(jax.random.key(1), x, soft(0))

  @jax.jit
  def gradient(soft):
    return jax.grad(lambda p: jnp.sum(network.apply(p, x, soft) ** 2))(params)

  def seconds(choice):
    start = time.process_time()  # others use the machine, too
    jax.block_until_ready(gradient(choice))
    return time.process_time() - start

  cases = soft(0), soft(1)
  turns = [[seconds(case) for case in cases] for _ in range(12)][2:]
  small, large = (min(times) for times in zip(*turns, strict=True))
  # 16 times the multiply-adds; what is left is the stem, and starting kernels
  assert small < 0.4 * large, (small, large)
