"""SqueezeNet 1.0 and 1.1 (arXiv 1602.07360, Table 1; forresti/SqueezeNet).

No padding but in the 3x3 halves of fire modules; a pool's last window may
hang over the end. The classifier is a convolution before the pool.
"""

from mobilenet_jax.arch import ArchSpec, Block, Conv, Fire, MaxPool, Pool
from mobilenet_jax.models.registry import register

# squeeze, channels; () is a max pool
V1_0 = (
  (),  # 109 -> 54
  (16, 128),
  (16, 128),
  (32, 256),
  (),  # 54 -> 27
  (32, 256),
  (48, 384),
  (48, 384),
  (64, 512),
  (),  # 27 -> 13
  (64, 512),
)
V1_1 = (
  (),  # 111 -> 55
  (16, 128),
  (16, 128),
  (),  # 55 -> 27
  (32, 256),
  (32, 256),
  (),  # 27 -> 13
  (48, 384),
  (48, 384),
  (64, 512),
  (64, 512),
)


@register('squeezenet_1_0', family='squeezenet', scales=False)
def squeezenet_1_0(resolution: int, num_classes: int) -> ArchSpec:
  """SqueezeNet 1.0; 227 px in the paper."""
  return _squeezenet(V1_0, 7, 96, resolution, num_classes)


@register('squeezenet_1_0_bypass', family='squeezenet', scales=False)
def squeezenet_1_0_bypass(resolution: int, num_classes: int) -> ArchSpec:
  """SqueezeNet 1.0 with simple bypass; section 6."""
  return _squeezenet(V1_0, 7, 96, resolution, num_classes, bypass=True)


@register('squeezenet_1_1', family='squeezenet', scales=False)
def squeezenet_1_1(resolution: int, num_classes: int) -> ArchSpec:
  """SqueezeNet 1.1: smaller stem, earlier pools."""
  return _squeezenet(V1_1, 3, 64, resolution, num_classes)


def _squeezenet(
  rows: tuple,
  kernel: int,
  stem: int,
  resolution: int,
  num_classes: int,
  bypass: bool = False,
) -> ArchSpec:
  blocks: list[Block] = [
    Conv(kernel=kernel, stride=2, channels=stem, padding=0, norm=False)
  ]
  cin = stem
  for row in rows:
    if not row:
      blocks.append(MaxPool(kernel=3, stride=2, padding=0, ceil=True))
      continue
    squeezed, channels = row
    blocks.append(
      Fire(
        squeezed=squeezed,
        channels=channels,
        residual=bypass and cin == channels,
      )
    )
    cin = channels
  return ArchSpec(
    name='squeezenet',
    resolution=resolution,
    padding='symmetric',
    blocks=(
      *blocks,
      Conv(kernel=1, channels=num_classes, norm=False),
      Pool(),
    ),
  )
