"""MobileNetEdgeTPU (tensorflow/models, research/slim/nets/mobilenet)."""

from mobilenet_jax.arch import (
  ArchSpec,
  Conv,
  Dense,
  FusedInvertedResidual,
  InvertedResidual,
  Pool,
)
from mobilenet_jax.core.rounding import make_divisible
from mobilenet_jax.models.registry import register

# kind, kernel, expand_ratio, channels, repeats, stride, shortcut of the first
BODY = (
  ('fused', 3, 8, 32, 1, 2, False),  # 112 -> 56
  ('fused', 3, 4, 32, 3, 1, True),
  ('fused', 3, 8, 48, 1, 2, False),  # 56 -> 28
  ('fused', 3, 4, 48, 3, 1, True),
  ('ir', 3, 8, 96, 1, 2, False),  # 28 -> 14
  ('ir', 3, 4, 96, 3, 1, True),
  ('ir', 3, 8, 96, 1, 1, False),
  ('ir', 3, 4, 96, 3, 1, True),
  ('ir', 5, 8, 160, 1, 2, False),  # 14 -> 7
  ('ir', 5, 4, 160, 3, 1, True),
  ('ir', 3, 8, 192, 1, 1, False),
)


@register('mobilenet_edgetpu', family='mobilenet_edgetpu')
def mobilenet_edgetpu(
  resolution: int, num_classes: int, width: float
) -> ArchSpec:
  """MobileNetEdgeTPU; 224 px and 1.0 as published."""

  def scaled(channels: int) -> int:
    return make_divisible(channels * width)

  kinds = {'fused': FusedInvertedResidual, 'ir': InvertedResidual}
  body = tuple(
    kinds[kind](
      kernel=kernel,
      stride=stride,
      expand_ratio=ratio,
      channels=scaled(channels),
      residual=shortcut,
    )
    for kind, kernel, ratio, channels, repeats, stride, shortcut in BODY
    for _ in range(repeats)
  )
  return ArchSpec(
    name='mobilenet_edgetpu',
    resolution=resolution,
    blocks=(
      Conv(kernel=3, stride=2, channels=scaled(32)),
      Conv(kernel=1, channels=scaled(16)),
      *body,
      Conv(kernel=1, channels=1280),
      Pool(),
      Dense(channels=num_classes),
    ),
  )
