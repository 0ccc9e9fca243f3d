"""Small random spaces, with every kind of decision."""

import numpy as np

from mobilenet_jax import arch
from mobilenet_jax.arch import OneOf, one_of
from mobilenet_jax.space import SearchSpace

MOST = 600  # choice vectors, so that all can be looked at


def random_space(seed: int) -> SearchSpace:
  """A space of a few decisions: optional blocks, slots, depth, resolution."""
  rng = np.random.default_rng(seed)
  while True:
    space = SearchSpace(_spec(rng))
    if 2 <= space.size <= MOST:
      return space


def every_vector(space: SearchSpace):
  return np.ndindex(*space.decisions.values())


def _spec(rng) -> arch.ArchSpec:
  def maybe(tag, *choices):
    return one_of(tag, *choices) if rng.random() < 0.5 else choices[0]

  width = maybe('width', 8, 16)
  blocks = [arch.Conv(kernel=maybe('stem', 3, 5), stride=2, channels=width)]
  deep = rng.random() < 0.5
  for i in range(int(rng.integers(1, 4))):
    keep = True
    if deep and i:
      keep = one_of('depth', *(n >= i for n in range(3)))
    elif rng.random() < 0.5:
      keep = one_of(f'{i}/keep', True, False)
    plain = {'channels': width, 'keep': keep}
    inverted = arch.InvertedResidual(
      kernel=maybe(f'{i}/kernel', 3, 5),
      expand_ratio=maybe(f'{i}/expand', 2, 3),
      squeeze_excite=maybe(f'{i}/se', 0.25, 0.0),
      **plain,
    )
    conv = arch.Conv(kernel=maybe(f'{i}/kernel', 3, 5), **plain)
    universal = arch.UniversalBottleneck(
      start_kernel=maybe(f'{i}/before', 0, 3), expand_ratio=2, **plain
    )
    kind = rng.integers(4)
    if kind == 0:
      blocks.append(inverted)
    elif kind == 1 or keep is not True:
      blocks.append(one_of(f'{i}/op', inverted, conv, universal))
    else:
      nothing = arch.Conv(kernel=1, channels=width, keep=False)
      blocks.append(one_of(f'{i}/op', conv, nothing, universal))
  resolution = 16 if rng.random() < 0.5 else OneOf((12, 16), 'resolution')
  head = (arch.Pool(), arch.Dense(channels=10))
  return arch.ArchSpec(
    name='random', resolution=resolution, blocks=(*blocks, *head)
  )
