"""ShuffleNet V1 (arXiv 1707.01083, Table 1), for 1, 2, 3, 4 and 8 groups.

Widths follow the authors' release (megvii-model/ShuffleNet-Series): 2x
doubles the stem and 0.5x halves it, 1.5x leaves it. The classifier has no
bias.
"""

from mobilenet_jax.arch import (
  ArchSpec,
  Block,
  Conv,
  Dense,
  MaxPool,
  Pool,
  ShuffleUnit,
)
from mobilenet_jax.models.registry import register

# groups: channels of the stages, 56 -> 28 -> 14 -> 7
CHANNELS = {
  1: (144, 288, 576),
  2: (200, 400, 800),
  3: (240, 480, 960),
  4: (272, 544, 1088),
  8: (384, 768, 1536),
}
REPEATS = (4, 8, 4)


def _register(groups: int) -> None:
  @register(f'shufflenet_v1_g{groups}', family='shufflenet_v1')
  def shufflenet_v1(
    resolution: int, num_classes: int, width: float
  ) -> ArchSpec:
    return _shufflenet(groups, resolution, num_classes, width)


for _groups in CHANNELS:
  _register(_groups)


def _shufflenet(
  groups: int, resolution: int, num_classes: int, width: float
) -> ArchSpec:
  stem = _up(24 * (width if width < 1 else width // 1), groups)
  blocks: list[Block] = [
    Conv(kernel=3, stride=2, channels=stem),  # 224 -> 112
    MaxPool(kernel=3, stride=2),  # 112 -> 56
  ]
  for channels, repeats in zip(CHANNELS[groups], REPEATS, strict=True):
    for i in range(repeats):
      blocks.append(
        ShuffleUnit(
          stride=1 if i else 2,
          channels=_up(channels * width, 4 * groups),
          groups=groups,
          group_first=len(blocks) > 2,
          down=i == 0,
        )
      )
  return ArchSpec(
    name='shufflenet_v1',
    resolution=resolution,
    padding='symmetric',
    norm_epsilon=1e-5,
    blocks=(*blocks, Pool(), Dense(channels=num_classes, bias=False)),
  )


def _up(channels: float, divisor: int) -> int:
  """The next multiple of a divisor."""
  return -(-int(channels) // divisor) * divisor
