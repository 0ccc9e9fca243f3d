"""A small space with a form of everything that weights are shared over."""

import jax
import numpy as np

from mobilenet_jax.arch import (
  ArchSpec,
  Conv,
  Dense,
  DepthwiseSeparable,
  FusedInvertedResidual,
  InvertedResidual,
  MaxPool,
  Pool,
  SqueezeExcite,
  UniversalBottleneck,
  one_of,
)
from mobilenet_jax.space import SearchSpace

WIDTH = one_of('width', 16, 24)
SMALL_SIDES = one_of('resolution', 12, 16)
SIDES = one_of('resolution', 16, 24)


def one_hot(space, vector):
  """A choice vector as soft choices."""
  return {
    tag: jax.nn.one_hot(v, n)
    for v, (tag, n) in zip(vector, space.decisions.items(), strict=True)
  }


def weights(network, images, soft, seed=0):
  """Random weights of a `SuperNetwork`, without compiling its own."""
  rng = np.random.default_rng(seed)
  shapes = jax.eval_shape(network.init, jax.random.key(0), images, soft)

  def drawn(path, leaf):
    values = rng.normal(size=leaf.shape).astype(np.float32)
    if path[-1].key == 'kernel':
      return values * (2 / np.prod(leaf.shape[:-1])) ** 0.5
    return 0.1 * values + (path[-1].key == 'scale')

  return jax.tree_util.tree_map_with_path(drawn, shapes['params'])


def operations(resolution=SIDES):
  """Operations, a searched stem kernel, every kind with masks, a resolution."""
  blocks = (
    Conv(
      kernel=one_of('stem/kernel', 3, 5), stride=2,
      channels=one_of('stem/width', 8, 16), activation='hard_swish',
    ),
    SqueezeExcite(squeezed=8),
    _of_three('first', stride=2),
    _of_three(
      'second', keep=one_of('depth', False, True),
      residual=one_of('skip', False, True),
    ),
    _of_four('third'),
    Conv(  # no shortcut
      kernel=one_of('last/kernel', 5, 3), channels=WIDTH, activation='relu',
      keep=one_of('last', True, False),
    ),
    Pool(),
    Dense(channels=one_of('head', 16, 8), activation='hard_swish', norm=True),
    Dense(channels=10),
  )  # fmt: skip
  return SearchSpace(
    ArchSpec(
      name='operations', resolution=resolution, blocks=blocks,
      norm_epsilon=1e-2, padding='symmetric',
    )
  )  # fmt: skip


def brief(resolution=SMALL_SIDES):
  """As few blocks as can have operations, and a resolution."""
  kernel = one_of('kernel', 3, 5)
  common = {'kernel': kernel, 'channels': 8, 'activation': 'relu'}
  blocks = (
    Conv(kernel=3, stride=2, channels=8, activation='hard_swish'),
    one_of(
      'op',
      Conv(**common),
      InvertedResidual(expand_ratio=one_of('expand', 2, 3), **common),
      DepthwiseSeparable(keep=False, **common),
    ),
    Pool(),
    Dense(channels=10),
  )
  return SearchSpace(
    ArchSpec(name='brief', resolution=resolution, blocks=blocks)
  )


def _of_three(here, residual=False, **place):
  common = {
    'kernel': one_of(f'{here}/kernel', 3, 5),
    'channels': WIDTH,
    'activation': 'relu',
    **place,
  }
  return one_of(
    f'{here}/op',
    Conv(**common),
    DepthwiseSeparable(**common),
    InvertedResidual(
      expand_ratio=2, squeeze_excite=one_of(f'{here}/se', 0.0, 0.25),
      gate='sigmoid', residual=residual, **common,
    ),
  )  # fmt: skip


def _of_four(here):
  """Nothing, a block without weights, two with a shortcut."""
  wide = one_of(f'{here}/expand', 2, 3)
  common = {'expand_ratio': wide, 'channels': WIDTH, 'activation': 'relu'}
  return one_of(
    f'{here}/op',
    InvertedResidual(kernel=3, keep=False, **common),
    MaxPool(kernel=3, stride=1),
    FusedInvertedResidual(kernel=one_of(f'{here}/kernel', 3, 5), **common),
    UniversalBottleneck(
      start_kernel=one_of(f'{here}/start', 0, 3),
      kernel=one_of(f'{here}/kernel', 0, 3), **common,
    ),
  )  # fmt: skip
