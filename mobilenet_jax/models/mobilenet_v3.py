"""MobileNetV3 Large and Small (arXiv 1905.02244 v5, Tables 1 and 2).

Widths follow the rules of the authors' code (tensorflow/models, slim), which
reproduce the paper's Table 9: every channel count, the stem's too, is
make_divisible(channels * width), an expansion is a ratio of the scaled input,
and the layer after the pool keeps its width below 1.0 (and, to give the
paper's 7.5M parameters, above it).
"""

from mobilenet_jax.arch import ArchSpec, Conv, Dense, InvertedResidual, Pool
from mobilenet_jax.core.rounding import make_divisible
from mobilenet_jax.models.registry import register

# kernel, expand_ratio, channels, squeeze_excite, activation, stride
LARGE = (
  (3, 1, 16, 0, 'relu', 1),  # 112
  (3, 4, 24, 0, 'relu', 2),  # 112 -> 56
  (3, 3, 24, 0, 'relu', 1),
  (5, 3, 40, 0.25, 'relu', 2),  # 56 -> 28
  (5, 3, 40, 0.25, 'relu', 1),
  (5, 3, 40, 0.25, 'relu', 1),
  (3, 6, 80, 0, 'hard_swish', 2),  # 28 -> 14
  (3, 2.5, 80, 0, 'hard_swish', 1),
  (3, 184 / 80, 80, 0, 'hard_swish', 1),
  (3, 184 / 80, 80, 0, 'hard_swish', 1),
  (3, 6, 112, 0.25, 'hard_swish', 1),
  (3, 6, 112, 0.25, 'hard_swish', 1),
  (5, 6, 160, 0.25, 'hard_swish', 2),  # 14 -> 7
  (5, 6, 160, 0.25, 'hard_swish', 1),
  (5, 6, 160, 0.25, 'hard_swish', 1),
)
SMALL = (
  (3, 1, 16, 0.25, 'relu', 2),  # 112 -> 56
  (3, 72 / 16, 24, 0, 'relu', 2),  # 56 -> 28
  (3, 88 / 24, 24, 0, 'relu', 1),
  (5, 4, 40, 0.25, 'hard_swish', 2),  # 28 -> 14
  (5, 6, 40, 0.25, 'hard_swish', 1),
  (5, 6, 40, 0.25, 'hard_swish', 1),
  (5, 3, 48, 0.25, 'hard_swish', 1),
  (5, 3, 48, 0.25, 'hard_swish', 1),
  (5, 6, 96, 0.25, 'hard_swish', 2),  # 14 -> 7
  (5, 6, 96, 0.25, 'hard_swish', 1),
  (5, 6, 96, 0.25, 'hard_swish', 1),
)


FAMILY = 'mobilenet_v3'


@register('mobilenet_v3_large', family=FAMILY)
def mobilenet_v3_large(
  resolution: int, num_classes: int, width: float
) -> ArchSpec:
  """MobileNetV3-Large; 224 px and 1.0 in the paper."""
  return _v3(LARGE, 960, 1280, resolution, num_classes, width)


@register('mobilenet_v3_small', family=FAMILY)
def mobilenet_v3_small(
  resolution: int, num_classes: int, width: float
) -> ArchSpec:
  """MobileNetV3-Small, with the 1024-wide head of v5 of the paper."""
  return _v3(SMALL, 576, 1024, resolution, num_classes, width)


@register('mobilenet_v3_large_minimalistic', family=FAMILY)
def mobilenet_v3_large_minimalistic(
  resolution: int, num_classes: int, width: float
) -> ArchSpec:
  """V3-Large without squeeze-and-excite, h-swish and 5x5 kernels (slim)."""
  rows = _minimalistic(LARGE)
  return _v3(rows, 960, 1280, resolution, num_classes, width, 'relu')


@register('mobilenet_v3_small_minimalistic', family=FAMILY)
def mobilenet_v3_small_minimalistic(
  resolution: int, num_classes: int, width: float
) -> ArchSpec:
  """V3-Small without squeeze-and-excite, h-swish and 5x5 kernels (slim)."""
  rows = _minimalistic(SMALL)
  return _v3(rows, 576, 1024, resolution, num_classes, width, 'relu')


def _minimalistic(rows: tuple) -> tuple:
  return tuple((3, e, c, 0, 'relu', s) for _, e, c, _, _, s in rows)


def _v3(
  rows: tuple,
  last: int,
  head: int,
  resolution: int,
  num_classes: int,
  width: float,
  outer: str = 'hard_swish',
) -> ArchSpec:
  def scaled(channels: float) -> int:
    return make_divisible(channels * width)

  body = tuple(
    InvertedResidual(
      kernel=kernel,
      stride=stride,
      expand_ratio=ratio,
      channels=scaled(channels),
      squeeze_excite=se,
      activation=activation,
    )
    for kernel, ratio, channels, se, activation, stride in rows
  )
  return ArchSpec(
    name='mobilenet_v3',
    resolution=resolution,
    blocks=(
      Conv(kernel=3, stride=2, channels=scaled(16), activation=outer),
      *body,
      Conv(kernel=1, channels=scaled(last), activation=outer),
      Pool(),
      Dense(channels=head, activation=outer),
      Dense(channels=num_classes),
    ),
  )
