"""EfficientNet-B0 (arXiv 1905.11946, Table 1) and Lite0 to Lite4.

Lite (tensorflow/tpu, models/official/efficientnet/lite) has ReLU6 for swish,
no squeeze-and-excite, and a stem, a head and outer stages that do not scale.
"""

import math

from mobilenet_jax.arch import ArchSpec, Conv, Dense, InvertedResidual, Pool
from mobilenet_jax.core.rounding import make_divisible
from mobilenet_jax.models.registry import register

FAMILY = 'efficientnet'

# kernel, expand_ratio, channels, repeats, stride
BODY = (
  (3, 1, 16, 1, 1),  # 112
  (3, 6, 24, 2, 2),  # 112 -> 56
  (5, 6, 40, 2, 2),  # 56 -> 28
  (3, 6, 80, 3, 2),  # 28 -> 14
  (5, 6, 112, 3, 1),
  (5, 6, 192, 4, 2),  # 14 -> 7
  (3, 6, 320, 1, 1),
)
# width, depth, resolution
LITE = (
  (1.0, 1.0, 224),
  (1.0, 1.1, 240),
  (1.1, 1.2, 260),
  (1.2, 1.4, 280),
  (1.4, 1.8, 300),
)


@register('efficientnet_b0', family=FAMILY, scales=False)
def efficientnet_b0(resolution: int, num_classes: int) -> ArchSpec:
  """EfficientNet-B0; squeeze-and-excite of a quarter of the input."""
  return _efficientnet(resolution, num_classes, 1.0, 1.0, lite=False)


def _register_lite(number: int) -> None:
  width, depth, resolution = LITE[number]

  @register(
    f'efficientnet_lite{number}',
    family=FAMILY,
    resolution=resolution,
    scales=False,
  )
  def efficientnet_lite(resolution: int, num_classes: int) -> ArchSpec:
    return _efficientnet(resolution, num_classes, width, depth, lite=True)


for _number in range(len(LITE)):
  _register_lite(_number)


def _efficientnet(
  resolution: int, num_classes: int, width: float, depth: float, *, lite: bool
) -> ArchSpec:
  act = 'relu6' if lite else 'swish'
  cin = 32
  blocks: list = [Conv(kernel=3, stride=2, channels=cin, activation=act)]
  for n, (kernel, ratio, channels, repeats, stride) in enumerate(BODY):
    outer = n in (0, len(BODY) - 1)
    for i in range(repeats if outer else math.ceil(repeats * depth)):
      blocks.append(
        InvertedResidual(
          kernel=kernel,
          stride=stride if i == 0 else 1,
          expand_ratio=ratio,
          channels=make_divisible(channels * width),
          squeezed=0 if lite else cin // 4,
          gate='hard_sigmoid' if lite else 'sigmoid',
          activation=act,
        )
      )
      cin = blocks[-1].channels
  return ArchSpec(
    name='efficientnet',
    resolution=resolution,
    blocks=(
      *blocks,
      Conv(kernel=1, channels=1280, activation=act),
      Pool(),
      Dense(channels=num_classes),
    ),
  )
