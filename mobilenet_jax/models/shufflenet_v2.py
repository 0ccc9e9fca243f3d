"""ShuffleNet V2 (arXiv 1807.11164, Table 5)."""

from mobilenet_jax.arch import (
  ArchSpec,
  Block,
  Conv,
  Dense,
  MaxPool,
  Pool,
  SplitShuffleUnit,
)
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.models.registry import register

# width: channels of the stages (56 -> 28 -> 14 -> 7), of the last convolution
CHANNELS = {
  0.5: (48, 96, 192, 1024),
  1.0: (116, 232, 464, 1024),
  1.5: (176, 352, 704, 1024),
  2.0: (244, 488, 976, 2048),
}
REPEATS = (4, 8, 4)


@register('shufflenet_v2', family='shufflenet_v2')
def shufflenet_v2(resolution: int, num_classes: int, width: float) -> ArchSpec:
  """ShuffleNet V2; its widths are the four of the paper."""
  if width not in CHANNELS:
    raise UserError(
      f'Width {width!r} of shufflenet_v2 is none of the paper: '
      f'{", ".join(map(str, CHANNELS))}.'
    )
  *stages, last = CHANNELS[width]
  blocks: list[Block] = [
    Conv(kernel=3, stride=2, channels=24),  # 224 -> 112
    MaxPool(kernel=3, stride=2),  # 112 -> 56
  ]
  for channels, repeats in zip(stages, REPEATS, strict=True):
    for i in range(repeats):
      blocks.append(
        SplitShuffleUnit(stride=1 if i else 2, channels=channels, down=i == 0)
      )
  return ArchSpec(
    name='shufflenet_v2',
    resolution=resolution,
    padding='symmetric',
    norm_epsilon=1e-5,
    blocks=(
      *blocks,
      Conv(kernel=1, channels=last),
      Pool(),
      Dense(channels=num_classes),
    ),
  )
