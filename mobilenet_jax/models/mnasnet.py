"""MnasNet A1, B1 and small (arXiv 1807.11626, Figure 7; tensorflow/tpu).

Squeeze-and-excite has a quarter of the block's input channels inside.
"""

from mobilenet_jax.arch import ArchSpec, Conv, Dense, InvertedResidual, Pool
from mobilenet_jax.core.rounding import make_divisible
from mobilenet_jax.models.registry import register

# kernel, expand_ratio, channels, repeats, stride, squeeze_excite of the input
A1 = (
  (3, 1, 16, 1, 1, 0),  # 112
  (3, 6, 24, 2, 2, 0),  # 112 -> 56
  (5, 3, 40, 3, 2, 0.25),  # 56 -> 28
  (3, 6, 80, 4, 2, 0),  # 28 -> 14
  (3, 6, 112, 2, 1, 0.25),
  (5, 6, 160, 3, 2, 0.25),  # 14 -> 7
  (3, 6, 320, 1, 1, 0),
)
B1 = (
  (3, 1, 16, 1, 1, 0),  # 112
  (3, 3, 24, 3, 2, 0),  # 112 -> 56
  (5, 3, 40, 3, 2, 0),  # 56 -> 28
  (5, 6, 80, 3, 2, 0),  # 28 -> 14
  (3, 6, 96, 2, 1, 0),
  (5, 6, 192, 4, 2, 0),  # 14 -> 7
  (3, 6, 320, 1, 1, 0),
)
SMALL = (
  (3, 1, 8, 1, 1, 0),  # 112
  (3, 3, 16, 1, 2, 0),  # 112 -> 56
  (3, 6, 16, 2, 2, 0),  # 56 -> 28
  (5, 6, 32, 4, 2, 0.25),  # 28 -> 14
  (3, 6, 32, 3, 1, 0.25),
  (5, 6, 88, 3, 2, 0.25),  # 14 -> 7
  (3, 6, 144, 1, 1, 0),
)


@register('mnasnet_a1', family='mnasnet')
def mnasnet_a1(resolution: int, num_classes: int, width: float) -> ArchSpec:
  """MnasNet-A1."""
  return _mnasnet(A1, 32, resolution, num_classes, width)


@register('mnasnet_b1', family='mnasnet')
def mnasnet_b1(resolution: int, num_classes: int, width: float) -> ArchSpec:
  """MnasNet-B1, without squeeze-and-excite."""
  return _mnasnet(B1, 32, resolution, num_classes, width)


@register('mnasnet_small', family='mnasnet')
def mnasnet_small(resolution: int, num_classes: int, width: float) -> ArchSpec:
  """MnasNet-small, searched for a lower latency."""
  return _mnasnet(SMALL, 8, resolution, num_classes, width)


def _mnasnet(
  rows: tuple, stem: int, resolution: int, num_classes: int, width: float
) -> ArchSpec:
  cin = make_divisible(stem * width)
  blocks: list = [Conv(kernel=3, stride=2, channels=cin)]
  for kernel, ratio, channels, repeats, stride, se in rows:
    for i in range(repeats):
      blocks.append(
        InvertedResidual(
          kernel=kernel,
          stride=stride if i == 0 else 1,
          expand_ratio=ratio,
          channels=make_divisible(channels * width),
          squeezed=int(cin * se),
          gate='sigmoid' if se else 'hard_sigmoid',
          residual=ratio > 1,
        )
      )
      cin = blocks[-1].channels
  return ArchSpec(
    name='mnasnet',
    resolution=resolution,
    blocks=(
      *blocks,
      Conv(kernel=1, channels=1280),
      Pool(),
      Dense(channels=num_classes),
    ),
  )
