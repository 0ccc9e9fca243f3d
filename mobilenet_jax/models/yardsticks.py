"""AlexNet, VGG16, GoogLeNet and ResNet-50, as torchvision has them.

arXiv 1404.5997; arXiv 1409.1556, configuration D; arXiv 1409.4842 (with batch
norm, without the side heads); arXiv 1512.03385 (stride in the 3x3 layers).

`create_model(dropout=...)` drops before the last layer only. torchvision drops
twice, in AlexNet before the first two dense layers, in VGG16 before the last
two: it matters to training from scratch, not to predictions.
"""

from mobilenet_jax.arch import (
  IMAGENET,
  ArchSpec,
  Block,
  Bottleneck,
  Conv,
  Dense,
  Flatten,
  Inception,
  MaxPool,
  Pool,
)
from mobilenet_jax.models.registry import register

VGG16 = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels, repeats
# ones, reduce_3x3, threes, reduce_5x5, fives, pooled; or a max pool's kernel
GOOGLENET = (
  (64, 96, 128, 16, 32, 32),  # 28
  (128, 128, 192, 32, 96, 64),
  (3,),  # 28 -> 14
  (192, 96, 208, 16, 48, 64),
  (160, 112, 224, 24, 64, 64),
  (128, 128, 256, 24, 64, 64),
  (112, 144, 288, 32, 64, 64),
  (256, 160, 320, 32, 128, 128),
  (2,),  # 14 -> 7
  (256, 160, 320, 32, 128, 128),
  (384, 192, 384, 48, 128, 128),
)
RESNET50 = ((256, 3, 1), (512, 4, 2), (1024, 6, 2), (2048, 3, 2))


@register('alexnet', family='yardsticks', scales=False)
def alexnet(resolution: int, num_classes: int) -> ArchSpec:
  """AlexNet, the one-tower form."""
  pool = MaxPool(kernel=3, stride=2, padding=0)
  plain = {'norm': False}
  blocks = (
    Conv(kernel=11, stride=4, channels=64, padding=2, **plain),  # 224 -> 55
    pool,  # 55 -> 27
    Conv(kernel=5, channels=192, **plain),
    pool,  # 27 -> 13
    Conv(kernel=3, channels=384, **plain),
    Conv(kernel=3, channels=256, **plain),
    Conv(kernel=3, channels=256, **plain),
    pool,  # 13 -> 6
    *_classifier(6, num_classes),
  )
  return _torch('alexnet', resolution, blocks)


@register('vgg16', family='yardsticks', scales=False)
def vgg16(resolution: int, num_classes: int) -> ArchSpec:
  """VGG16 without batch norm."""
  blocks: list[Block] = []
  for channels, repeats in VGG16:  # 224, 112, 56, 28, 14
    blocks += [Conv(kernel=3, channels=channels, norm=False)] * repeats
    blocks.append(MaxPool(kernel=2, stride=2, padding=0))
  return _torch('vgg16', resolution, (*blocks, *_classifier(7, num_classes)))


@register('googlenet', family='yardsticks', scales=False)
def googlenet(resolution: int, num_classes: int) -> ArchSpec:
  """GoogLeNet."""
  blocks: list[Block] = [
    Conv(kernel=7, stride=2, channels=64),  # 224 -> 112
    _hanging_pool(3),  # 112 -> 56
    Conv(kernel=1, channels=64),
    Conv(kernel=3, channels=192),
    _hanging_pool(3),  # 56 -> 28
  ]
  for row in GOOGLENET:
    if len(row) == 1:
      blocks.append(_hanging_pool(*row))
      continue
    ones, reduce_3x3, threes, reduce_5x5, fives, pooled = row
    blocks.append(
      Inception(
        ones=ones,
        reduce_3x3=reduce_3x3,
        threes=threes,
        reduce_5x5=reduce_5x5,
        fives=fives,
        pooled=pooled,
      )
    )
  blocks += [Pool(), Dense(channels=num_classes)]
  return _torch('googlenet', resolution, tuple(blocks), 1e-3)


@register('resnet50', family='yardsticks', scales=False)
def resnet50(resolution: int, num_classes: int) -> ArchSpec:
  """ResNet-50."""
  blocks: list[Block] = [
    Conv(kernel=7, stride=2, channels=64),  # 224 -> 112
    MaxPool(kernel=3, stride=2),  # 112 -> 56
  ]
  for channels, repeats, stride in RESNET50:  # 56, 28, 14, 7
    blocks += [
      Bottleneck(stride=1 if i else stride, channels=channels, project=i == 0)
      for i in range(repeats)
    ]
  blocks += [Pool(), Dense(channels=num_classes)]
  return _torch('resnet50', resolution, tuple(blocks))


def _hanging_pool(kernel: int) -> MaxPool:
  return MaxPool(kernel=kernel, stride=2, padding=0, ceil=True)


def _classifier(side: int, num_classes: int) -> tuple[Block, ...]:
  hidden = Dense(channels=4096, activation='relu')
  return (Flatten(size=side), hidden, hidden, Dense(channels=num_classes))


def _torch(
  name: str, resolution: int, blocks: tuple[Block, ...], epsilon: float = 1e-5
) -> ArchSpec:
  return ArchSpec(
    name=name,
    resolution=resolution,
    blocks=blocks,
    padding='symmetric',
    norm_epsilon=epsilon,
    inputs=IMAGENET,
  )
