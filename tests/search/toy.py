"""A one-shot search over a tiny space, and its batches."""

import numpy as np

from mobilenet_jax.arch import (
  ArchSpec,
  Conv,
  Dense,
  InvertedResidual,
  Pool,
  one_of,
)
from mobilenet_jax.latency.tensors import price_tensors, space_keys
from mobilenet_jax.search import oneshot
from mobilenet_jax.space import SearchSpace
from mobilenet_jax.tasks import classification
from mobilenet_jax.train.optimizers import optimizer
from tests.latency.toy import toy_table
from tests.train.toy import settings

RULE = optimizer(settings(schedule='constant', warmup=0.0), 10)
SETTINGS = oneshot.Settings(
  steps=10, target_ms=0.008, beta=-0.3, learning_rate=0.01, warm_up=0.3,
  warm_up_hold=0.5,
  samples=2, seed=0,
)  # fmt: skip
BLOCKS = (
  Conv(kernel=3, stride=2, channels=8, activation='hard_swish'),
  InvertedResidual(
    kernel=one_of('kernel', 3, 5),
    expand_ratio=one_of('expand', 2, 4),
    channels=one_of('width', 8, 16),
    stride=2,
    activation='relu',
  ),
  InvertedResidual(
    kernel=3,
    expand_ratio=2,
    channels=one_of('width', 8, 16),
    squeeze_excite=one_of('gate', 0.0, 0.25),
    activation=one_of('activation', 'relu', 'hard_swish'),
    keep=one_of('depth', False, True),
  ),
  Pool(),
  Dense(channels=10),
)
SPACE = SearchSpace(ArchSpec(name='toy', resolution=16, blocks=BLOCKS))
TENSORS = price_tensors(SPACE.spec, toy_table(space_keys(SPACE.spec)))
FUNCTIONS = {
  'loss': lambda x, y: classification.cross_entropy(x, y, 0.1),
  'quality': classification.accuracy,
}


def step_of(settings=SETTINGS, **more):
  """The compiled step."""
  return oneshot.search_step(
    SPACE, TENSORS, RULE, settings, **FUNCTIONS, **more
  )


def batches(count, train=8, held_out=16):
  """Batches of noise."""
  rng = np.random.default_rng(0)

  def part(n):
    return {
      'image': rng.normal(size=(n, 16, 16, 3)).astype(np.float32),
      'label': rng.integers(0, 10, n),
    }

  return [
    {'train': part(train), 'held_out': part(held_out)} for _ in range(count)
  ]
