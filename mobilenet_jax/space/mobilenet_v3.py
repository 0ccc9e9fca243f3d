"""MobileNetV3-like spaces: kernel, expansion, SE, activation, width, depth."""

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

# widths, stride of the first block, most blocks (1 to that many are searched)
Stages = tuple[tuple[tuple[int, ...], int, int], ...]
SMALL_IMAGES: Stages = (
  ((16, 24), 2, 2),  # 16 -> 8 at 32 px
  ((32, 48), 2, 3),  # 8 -> 4
  ((64, 96), 1, 3),  # 4
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
  blocks = _v3_like(SMALL_IMAGES, KERNELS, EXPANSIONS, 256, num_classes)
  return ArchSpec(name='v3_small_images', resolution=resolution, blocks=blocks)


def v3_tiny(resolution: int, num_classes: int) -> ArchSpec:
  """The same in little, to see everything run: two stages, few blocks, and
  the expansion not searched."""
  blocks = _v3_like(TINY, (3, 5), (4,), 64, num_classes)
  return ArchSpec(name='v3_tiny', resolution=resolution, blocks=blocks)


def _open(tag: str, choices: tuple) -> Any:
  """A decision, or the value itself where there is only one."""
  return one_of(tag, *choices) if choices[1:] else choices[0]


def _v3_like(
  stages: Stages,
  kernels: tuple[int, ...],
  expansions: tuple[int, ...],
  last: int,
  num_classes: int,
) -> tuple[Block, ...]:
  blocks: list[Block] = [
    Conv(kernel=3, stride=2, channels=16, activation='hard_swish')
  ]
  for number, (widths, stride, depth) in enumerate(stages, 1):
    stage = f'stage{number}'
    width = _open(f'{stage}/width', widths)
    activation = 'relu' if number == 1 else one_of(f'{stage}/act', *ACTIVATIONS)
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
          activation=activation,
          keep=one_of(f'{stage}/depth', *kept) if i else True,
        )
      )
  return (
    *blocks,
    Conv(kernel=1, channels=last, activation='hard_swish'),
    Pool(),
    Dense(channels=num_classes),
  )
