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


@register('mobilenet_v3_large')
def mobilenet_v3_large(
  width: float, resolution: int, num_classes: int
) -> ArchSpec:
  """MobileNetV3-Large; 224 px and 1.0 in the paper."""
  return _v3(
    'mobilenet_v3_large', LARGE, 960, 1280, width, resolution, num_classes
  )


@register('mobilenet_v3_small')
def mobilenet_v3_small(
  width: float, resolution: int, num_classes: int
) -> ArchSpec:
  """MobileNetV3-Small, with the 1024-wide head of v5 of the paper."""
  return _v3(
    'mobilenet_v3_small', SMALL, 576, 1024, width, resolution, num_classes
  )


def _v3(
  name: str,
  rows: tuple,
  last: int,
  head: int,
  width: float,
  resolution: int,
  num_classes: int,
) -> ArchSpec:
  def scaled(channels: float) -> int:
    return make_divisible(channels * width)

  stem = Conv(kernel=3, stride=2, channels=scaled(16), activation='hard_swish')
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
    name=name,
    resolution=resolution,
    blocks=(
      stem,
      *body,
      Conv(kernel=1, channels=scaled(last), activation='hard_swish'),
      Pool(),
      Dense(channels=head, activation='hard_swish'),
      Dense(channels=num_classes),
    ),
  )
