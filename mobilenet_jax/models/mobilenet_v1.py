"""MobileNetV1 (arXiv 1704.04861, Table 1), and the nets of its Tables 4, 5.

The last depthwise convolution has stride 1: Table 1 prints 2, but its output
is as large as its input. Activations are ReLU6, as in the authors' code.
"""

from mobilenet_jax.arch import (
  ArchSpec,
  Block,
  Conv,
  Dense,
  DepthwiseSeparable,
  Pool,
)
from mobilenet_jax.models.registry import register

FAMILY = 'mobilenet_v1'

# channels, stride
BODY = (
  (64, 1),  # 112
  (128, 2),  # 112 -> 56
  (128, 1),
  (256, 2),  # 56 -> 28
  (256, 1),
  (512, 2),  # 28 -> 14
  *((512, 1),) * 5,
  (1024, 2),  # 14 -> 7
  (1024, 1),
)
SHALLOW = tuple(row for row in BODY if row != (512, 1))


@register('mobilenet_v1', family=FAMILY)
def mobilenet_v1(resolution: int, num_classes: int, width: float) -> ArchSpec:
  """MobileNetV1; 224 px and 1.0 in the paper."""
  return _v1(BODY, resolution, num_classes, width)


@register('mobilenet_v1_shallow', family=FAMILY)
def mobilenet_v1_shallow(
  resolution: int, num_classes: int, width: float
) -> ArchSpec:
  """Without the five blocks of 512 channels; Table 5."""
  return _v1(SHALLOW, resolution, num_classes, width)


@register('mobilenet_v1_full_conv', family=FAMILY)
def mobilenet_v1_full_conv(
  resolution: int, num_classes: int, width: float
) -> ArchSpec:
  """Full convolutions instead of depthwise separable ones; Table 4."""
  return _v1(BODY, resolution, num_classes, width, full=True)


def _v1(
  rows: tuple,
  resolution: int,
  num_classes: int,
  width: float,
  full: bool = False,
) -> ArchSpec:
  def scaled(channels: int) -> int:
    return max(int(channels * width), 8)

  act = 'relu6'
  kind = Conv if full else DepthwiseSeparable
  body: tuple[Block, ...] = tuple(
    kind(kernel=3, stride=stride, channels=scaled(channels), activation=act)
    for channels, stride in rows
  )
  return ArchSpec(
    name='mobilenet_v1',
    resolution=resolution,
    blocks=(
      Conv(kernel=3, stride=2, channels=scaled(32), activation=act),
      *body,
      Pool(),
      Dense(channels=num_classes),
    ),
  )
