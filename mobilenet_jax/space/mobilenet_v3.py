"""MobileNetV3-like spaces: kernel, expansion, SE, activation, width, depth."""

from collections.abc import Sequence
from typing import Any

from mobilenet_jax.arch import (
  ArchSpec,
  Block,
  Conv,
  Dense,
  InvertedResidual,
  Pool,
  one_of,
)

KERNELS = (3, 5, 7)
EXPANSIONS = (2, 4, 6)
SQUEEZE_EXCITES = (0.0, 0.25)
ACTIVATIONS = ('relu', 'hard_swish')
STEM = Conv(kernel=3, stride=2, channels=16, activation='hard_swish')

# widths, stride of the first block, most blocks (1 to that many are searched)
Stages = tuple[tuple[tuple[int, ...], int, int], ...]
SMALL_IMAGES: Stages = (
  ((16, 24), 2, 2),  # 16 -> 8 at 32 px
  ((32, 48), 2, 3),  # 8 -> 4
  ((64, 96), 1, 3),  # 4
)
MOBILE: Stages = (
  ((16, 24, 32), 2, 3),  # 112 -> 56 at 224 px
  ((32, 40, 48), 2, 4),  # 56 -> 28
  ((64, 80, 96), 2, 4),  # 28 -> 14
  ((96, 112, 128), 1, 4),  # 14
  ((136, 160, 184), 2, 3),  # 14 -> 7
  ((200, 240, 280), 1, 2),  # 7
)
TINY: Stages = (
  ((16,), 2, 1),  # 16 -> 8 at 32 px
  ((24, 32), 2, 2),  # 8 -> 4
)


def v3_small_images(resolution: int, num_classes: int) -> ArchSpec:
  """A V3-like space for images of about 32 px: three stages.

  A block chooses its kernel, its expansion and whether it squeezes and
  excites; a stage chooses its width, its depth and, after the first, its
  activation (as in MobileNetV3, h-swish only pays in the deeper half).
  """
  blocks = (
    STEM,
    *_stages(SMALL_IMAGES, KERNELS, EXPANSIONS, ['relu', *_either(2, 3)]),
    *_head(256, num_classes),
  )
  return ArchSpec(name='v3_small_images', resolution=resolution, blocks=blocks)


def v3_mobile(resolution: int, num_classes: int) -> ArchSpec:
  """A V3-like space for photographs: six stages of three widths each.

  Around MobileNetV3-Large: the stem's width, and of every block its kernel,
  expansion and squeeze-and-excite; ReLU in the first two stages and h-swish
  after them, as in the paper's Table 1.
  """
  width = one_of('stem/width', 16, 24, 32)
  blocks = (
    Conv(kernel=3, stride=2, channels=width, activation='hard_swish'),
    InvertedResidual(
      kernel=3, expand_ratio=1, channels=width, activation='relu'
    ),
    *_stages(MOBILE, KERNELS, (3, 4, 6), ['relu'] * 2 + ['hard_swish'] * 4),
    *_head(960, num_classes),
  )
  return ArchSpec(name='v3_mobile', resolution=resolution, blocks=blocks)


def v3_tiny(resolution: int, num_classes: int) -> ArchSpec:
  """The same in little, to see everything run: two stages, few blocks, and
  the expansion not searched."""
  blocks = (
    STEM,
    *_stages(TINY, (3, 5), (4,), ['relu', *_either(2)]),
    *_head(64, num_classes),
  )
  return ArchSpec(name='v3_tiny', resolution=resolution, blocks=blocks)


def _open(tag: str, choices: tuple) -> Any:
  """A decision, or the value itself where there is only one."""
  return one_of(tag, *choices) if choices[1:] else choices[0]


def _either(*stages: int) -> list[Any]:
  """ReLU or h-swish, one decision a stage."""
  return [one_of(f'stage{number}/act', *ACTIVATIONS) for number in stages]


def _stages(
  stages: Stages,
  kernels: tuple[int, ...],
  expansions: tuple[int, ...],
  activations: Sequence[Any],
) -> tuple[Block, ...]:
  blocks: list[Block] = []
  for number, (widths, stride, depth) in enumerate(stages, 1):
    stage = f'stage{number}'
    width = _open(f'{stage}/width', widths)
    for i in range(depth):
      here = f'{stage}/block{i + 1}'
      kept = [layers > i for layers in range(1, depth + 1)]
      blocks.append(
        InvertedResidual(
          kernel=one_of(f'{here}/kernel', *kernels),
          stride=stride if i == 0 else 1,
          residual=i > 0 or stride > 1,
          expand_ratio=_open(f'{here}/expand', expansions),
          channels=width,
          squeeze_excite=one_of(f'{here}/se', *SQUEEZE_EXCITES),
          activation=activations[number - 1],
          keep=one_of(f'{stage}/depth', *kept) if i else True,
        )
      )
  return tuple(blocks)


def _head(last: int, num_classes: int) -> tuple[Block, ...]:
  return (
    Conv(kernel=1, channels=last, activation='hard_swish'),
    Pool(),
    Dense(channels=num_classes),
  )
