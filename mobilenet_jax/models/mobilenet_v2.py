"""MobileNetV2 (arXiv 1801.04381, Table 2).

A width multiplier below 1 leaves the last convolution at 1280 channels.
"""

from mobilenet_jax.arch import ArchSpec, Conv, Dense, Pool
from mobilenet_jax.core.rounding import make_divisible
from mobilenet_jax.models.registry import register
from mobilenet_jax.models.stages import inverted_residuals

# kernel, expand_ratio, channels, repeats, stride
BODY = (
  (3, 1, 16, 1, 1),  # 112
  (3, 6, 24, 2, 2),  # 112 -> 56
  (3, 6, 32, 3, 2),  # 56 -> 28
  (3, 6, 64, 4, 2),  # 28 -> 14
  (3, 6, 96, 3, 1),
  (3, 6, 160, 3, 2),  # 14 -> 7
  (3, 6, 320, 1, 1),
)


@register('mobilenet_v2', family='mobilenet_v2')
def mobilenet_v2(resolution: int, num_classes: int, width: float) -> ArchSpec:
  """MobileNetV2; 224 px and 1.0 in the paper."""
  act = 'relu6'
  stem, last = make_divisible(32 * width), make_divisible(1280 * max(width, 1))
  return ArchSpec(
    name='mobilenet_v2',
    resolution=resolution,
    blocks=(
      Conv(kernel=3, stride=2, channels=stem, activation=act),
      *inverted_residuals(BODY, width, activation=act),
      Conv(kernel=1, channels=last, activation=act),
      Pool(),
      Dense(channels=num_classes),
    ),
  )
