"""The space of the benchmark: 288 small networks of two stages at 32 px.

Every decision moves accuracy and latency both; all but the kernel of stage 1
are shared by several blocks, so that the whole space can be trained.
"""

from mobilenet_jax.arch import (
  ArchSpec,
  Block,
  Conv,
  Dense,
  InvertedResidual,
  Pool,
  one_of,
)
from mobilenet_jax.space import SearchSpace

NAME = 'nas_bench_digits'
RESOLUTION, CLASSES = 32, 10
STEM = Conv(kernel=3, stride=2, channels=8, activation='hard_swish')
HEAD: tuple[Block, ...] = (
  Conv(kernel=1, channels=64, activation='hard_swish'),
  Pool(),
  Dense(channels=CLASSES),
)


def benchmark_space() -> SearchSpace:
  """The whole space: 7 decisions, 288 networks."""
  activation = one_of('activation', 'relu', 'hard_swish')
  second = {
    'kernel': one_of('stage2/kernel', 3, 5),
    'expand_ratio': one_of('stage2/expand', 2, 4, 6),
    'channels': one_of('stage2/width', 16, 32),
    'squeeze_excite': one_of('stage2/se', 0.0, 0.25),
    'activation': activation,
  }
  blocks = (
    STEM,  # 32 -> 16
    InvertedResidual(
      kernel=one_of('stage1/kernel', 3, 5),
      stride=2,  # 16 -> 8
      expand_ratio=2,
      channels=12,
      activation=activation,
    ),
    InvertedResidual(**second, stride=2),  # 8 -> 4
    InvertedResidual(**second, keep=one_of('stage2/depth', False, True, True)),
    InvertedResidual(**second, keep=one_of('stage2/depth', False, False, True)),
    *HEAD,
  )
  return SearchSpace(ArchSpec(name=NAME, resolution=RESOLUTION, blocks=blocks))


def local_space() -> SearchSpace:
  """Four networks, to see everything run."""
  block = InvertedResidual(
    kernel=one_of('kernel', 3, 5),
    stride=2,
    expand_ratio=2,
    channels=8,
    squeeze_excite=one_of('se', 0.0, 0.25),
    activation='relu',
  )
  blocks = (STEM, block, *HEAD)
  name = f'{NAME}_local'
  return SearchSpace(ArchSpec(name=name, resolution=RESOLUTION, blocks=blocks))
