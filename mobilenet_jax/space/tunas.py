"""The three spaces of TuNAS (arXiv 2008.06120; google-research `tunas`).

As `mobile_search_space_v3.py` of the authors' tool has them; a size there
counts choice vectors, as `SearchSpace.size` does. What differs: the separable
convolution of the stem is an inverted residual without expansion, which
computes the same; and in `mobilenet_v3_like` the gates of squeeze-and-excite
are V3's hard sigmoids, not sigmoids.
"""

from collections.abc import Sequence
from typing import Any

from mobilenet_jax.arch import (
  ArchSpec,
  Block,
  Conv,
  Dense,
  InvertedResidual,
  OneOf,
  Pool,
  one_of,
)

KERNELS = (3, 5, 7)
MULTIPLIERS = (0.5, 0.625, 0.75, 1.0, 1.25, 1.5, 2.0)
LAYERS = 4  # most blocks of a stage; all but the first are optional
PROXYLESS_FILTERS = (32, 16, 32, 40, 80, 96, 192, 320, 1280)
ENLARGED_FILTERS = (16, 16, 16, 32, 64, 128, 256, 512, 1024)
V3_FILTERS = (16, 16, 32, 64, 128, 256, 512, 1024)
PROXYLESS_STRIDES = (2, 2, 2, 1, 2)  # of the stages of four
V3_STRIDES = (2, 2, 2, 1, 2)
V3_ACTIVATIONS = ('relu', 'relu', 'hard_swish', 'hard_swish', 'hard_swish')


def scaled(filters: int) -> tuple[int, ...]:
  """The widths to choose from: multiples of 8, halves up, each once."""
  widths = {max(int(filters * m / 8 + 0.5) * 8, 8) for m in MULTIPLIERS}
  return tuple(sorted(widths))


def proxylessnas(resolution: int, num_classes: int) -> ArchSpec:
  """ProxylessNAS's space as TuNAS reproduces it: about 1e21.

  Kernels 3, 5, 7 and expansions 3, 6 of every block, and whether it is there;
  the widths are those of ProxylessNAS-mobile (arXiv 1812.00332).
  """
  widths = list(PROXYLESS_FILTERS)
  return _proxylessnas('proxylessnas', widths, resolution, num_classes)


def proxylessnas_enlarged(resolution: int, num_classes: int) -> ArchSpec:
  """The same with widths, half to twice powers of 2: about 1e28."""
  widths = [
    one_of(f'{name}/width', *scaled(filters))
    for name, filters in zip(
      ('stem', *(f'stage{i}' for i in range(1, 8)), 'head'),
      ENLARGED_FILTERS,
      strict=True,
    )
  ]
  name = 'proxylessnas_enlarged'
  return _proxylessnas(name, widths, resolution, num_classes)


def mobilenet_v3_like(resolution: int, num_classes: int) -> ArchSpec:
  """TuNAS's largest space: about 1e43.

  Of every block the kernel (3, 5, 7), the expansion (1 to 6), squeeze-and-
  excite and whether it is there; of every stage, the stem and the head one of
  7 multiples of its width; the kernel of the stem (3, 5). ReLU in the first
  two stages, h-swish after them. An expansion of 1 has its convolution.
  """
  return _v3_like('mobilenet_v3_like', V3_ACTIVATIONS, resolution, num_classes)


def mobilenet_v3_like_extended(resolution: int, num_classes: int) -> ArchSpec:
  """`mobilenet_v3_like` with the activation of each stage and the input
  resolution searched, too: about 1e45.

  Not of TuNAS: 3/7 to 7/7 of the resolution asked for, 96 to 224 px in steps
  of 32, as the MobileNets are published.
  """
  activations = [
    one_of(f'stage{i}/activation', 'relu', 'hard_swish')
    for i in range(1, len(V3_ACTIVATIONS) + 1)
  ]
  sides = tuple(round(resolution * k / 28) * 4 for k in range(3, 8))
  name = 'mobilenet_v3_like_extended'
  spec = _v3_like(name, activations, resolution, num_classes)
  return spec.replace(resolution=searched_resolution(sides))


def _v3_like(
  name: str, activations: Sequence[Any], resolution: int, num_classes: int
) -> ArchSpec:
  stem, *stages, last, head = (
    one_of(f'{part}/width', *scaled(filters))
    for part, filters in zip(
      ('stem', *(f'stage{i}' for i in range(1, 6)), 'last', 'head'),
      V3_FILTERS,
      strict=True,
    )
  )
  body: list[Block] = []
  rows = zip(stages, V3_STRIDES, activations, strict=True)
  for number, (width, stride, activation) in enumerate(rows, 1):
    for i in range(LAYERS):
      here = f'stage{number}/block{i + 1}'
      body.append(
        InvertedResidual(
          kernel=one_of(f'{here}/kernel', *KERNELS),
          stride=stride if i == 0 else 1,
          expand_ratio=one_of(f'{here}/expand', 1, 2, 3, 4, 5, 6),
          channels=width,
          squeeze_excite=one_of(f'{here}/se', 0.0, 0.25),
          activation=activation,
          residual=i > 0,
          full=True,
          keep=_optional(here) if i else True,
        )
      )
  blocks = (
    Conv(
      kernel=one_of('stem/kernel', 3, 5),
      stride=2,
      channels=stem,
      activation='hard_swish',
    ),
    _separable('stem/block1', stem, keep=_optional('stem/block1')),
    *body,
    Conv(kernel=1, channels=last, activation='hard_swish'),
    Pool(),
    Dense(channels=head, activation='hard_swish'),
    Dense(channels=num_classes),
  )
  return ArchSpec(name=name, resolution=resolution, blocks=blocks)


def searched_resolution(sides: tuple[int, ...]) -> Any:
  """The resolution as a decision, smallest first; or the only one there is."""
  several = tuple(sorted({max(side, 4) for side in sides}))
  return OneOf(several, 'resolution') if several[1:] else several[0]


def _optional(here: str) -> Any:
  return one_of(f'{here}/keep', True, False)


def _separable(here: str, width: Any, keep: Any = True) -> InvertedResidual:
  """A separable convolution; with a shortcut where it is optional."""
  return InvertedResidual(
    kernel=one_of(f'{here}/kernel', *KERNELS),
    expand_ratio=1,
    channels=width,
    activation='relu',
    residual=keep is not True,
    keep=keep,
  )


def _proxylessnas(
  name: str, widths: list[Any], resolution: int, num_classes: int
) -> ArchSpec:
  stem, first, *stages, single, head = widths
  body: list[Block] = []
  for number, (width, stride) in enumerate(
    zip(stages, PROXYLESS_STRIDES, strict=True), 2
  ):
    for i in range(LAYERS):
      here = f'stage{number}/block{i + 1}'
      body.append(_bottleneck(here, width, stride if i == 0 else 1, i > 0))
  blocks = (
    Conv(kernel=3, stride=2, channels=stem, activation='relu'),
    _separable('stage1/block1', first),
    *body,
    _bottleneck('stage7/block1', single, 1, False),
    Conv(kernel=1, channels=head, activation='relu'),
    Pool(),
    Dense(channels=num_classes),
  )
  return ArchSpec(name=name, resolution=resolution, blocks=blocks)


def _bottleneck(
  here: str, width: Any, stride: int, optional: bool
) -> InvertedResidual:
  return InvertedResidual(
    kernel=one_of(f'{here}/kernel', *KERNELS),
    stride=stride,
    expand_ratio=one_of(f'{here}/expand', 3, 6),
    channels=width,
    activation='relu',
    residual=optional,
    keep=_optional(here) if optional else True,
  )
