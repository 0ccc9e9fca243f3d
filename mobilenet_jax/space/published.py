"""The spaces of MnasNet, Once-for-all, FBNet and MobileNetV4."""

import dataclasses
from typing import Any

from mobilenet_jax.arch import (
  ArchSpec,
  Block,
  Conv,
  Dense,
  DepthwiseSeparable,
  FusedInvertedResidual,
  InvertedResidual,
  Pool,
  UniversalBottleneck,
  one_of,
)
from mobilenet_jax.core.rounding import make_divisible
from mobilenet_jax.space.tunas import searched_resolution

# channels, layers, stride of MobileNetV2 (arXiv 1801.04381, Table 2)
V2_STAGES = (
  (16, 1, 1),  # 112
  (24, 2, 2),  # 112 -> 56
  (32, 3, 2),  # 56 -> 28
  (64, 4, 2),  # 28 -> 14
  (96, 3, 1),  # 14
  (160, 3, 2),  # 14 -> 7
  (320, 1, 1),  # 7
)
OFA_STAGES = (  # channels, stride, squeeze_excite, activation
  (24, 2, 0.0, 'relu'),  # 112 -> 56
  (40, 2, 0.25, 'relu'),  # 56 -> 28
  (80, 2, 0.0, 'hard_swish'),  # 28 -> 14
  (112, 1, 0.25, 'hard_swish'),  # 14
  (160, 2, 0.25, 'hard_swish'),  # 14 -> 7
)
FBNET_STAGES = (  # channels, layers, stride
  (16, 1, 1),  # 112
  (24, 4, 2),  # 112 -> 56
  (32, 4, 2),  # 56 -> 28
  (64, 4, 2),  # 28 -> 14
  (112, 4, 1),  # 14
  (184, 4, 2),  # 14 -> 7
  (352, 1, 1),  # 7
)
FBNET_OPS = tuple((k, e) for k in (3, 5) for e in (1, 3, 6))
V4_STAGES = (  # channels, layers
  (80, 2),  # 64 -> 32 at 256 px
  (160, 8),  # 32 -> 16
  (256, 11),  # 16 -> 8
)
V4_KERNELS = (0, 3, 5)
V4_EXPANSIONS = (2, 4, 6)
MULTIPLES = (0.75, 1.0, 1.25)


def widths(channels: int) -> tuple[int, ...]:
  """Three widths around one, or two where that is all there is."""
  return tuple(sorted({make_divisible(channels * m) for m in MULTIPLES}))


def mnasnet(resolution: int, num_classes: int) -> ArchSpec:
  """MnasNet's space (arXiv 1807.11626, section 4.1): stages alike inside.

  Of each of MobileNetV2's seven stages: the operation (convolution, separable
  convolution, inverted residual of expansion 3 or 6), kernel (3, 5),
  squeeze-and-excite, shortcuts, width (x 0.75, 1, 1.25 of V2's) and layers
  (V2's, one less, one more). The paper counts 432 a stage; here it is up to
  288: there is no pooling shortcut, a stage has one layer at least, and only
  the inverted residuals have shortcuts and squeeze-and-excite. The latter has
  a quarter of the block's input inside, rounded to multiples of 8.
  """
  body: list[Any] = []
  for number, (channels, layers, stride) in enumerate(V2_STAGES, 1):
    body += _mnasnet_stage(f'stage{number}', channels, layers, stride)
  blocks = (
    Conv(kernel=3, stride=2, channels=32),
    *body,
    Conv(kernel=1, channels=1280),
    Pool(),
    Dense(channels=num_classes),
  )
  return ArchSpec(name='mnasnet', resolution=resolution, blocks=blocks)


def _mnasnet_stage(
  stage: str, channels: int, layers: int, stride: int
) -> list[Any]:
  depths = range(max(layers - 1, 1), layers + 2)
  common = {
    'kernel': one_of(f'{stage}/kernel', 3, 5),
    'channels': one_of(f'{stage}/width', *widths(channels)),
    'activation': 'relu',
  }
  made = []
  for i in range(depths[-1]):
    kept = tuple(depth > i for depth in depths)
    place = {
      **common,
      'stride': 1 if i else stride,
      'keep': True if all(kept) else one_of(f'{stage}/layers', *kept),
    }
    plain = (
      Conv(**place),
      DepthwiseSeparable(**place),
    )
    inverted = tuple(
      InvertedResidual(
        expand_ratio=ratio,
        squeeze_excite=one_of(f'{stage}/se', 0.0, 0.25 / ratio),
        gate='sigmoid',
        residual=one_of(f'{stage}/skip', False, True) if i else False,
        **place,
      )
      for ratio in (3, 6)
    )
    made.append(one_of(f'{stage}/op', *plain, *inverted))
  return made


def ofa_mobilenet_v3(resolution: int, num_classes: int) -> ArchSpec:
  """Once-for-all's MobileNetV3 space (arXiv 1908.09791, section 3).

  Of five stages the depth (2, 3, 4), of every block the kernel (3, 5, 7) and
  the expansion (3, 4, 6): 2e19 networks; and the resolution, in steps of 4
  from 4/7 of the one asked for (128 to 224). Widths, squeeze-and-excite and
  activations are V3-Large's. What differs: TensorFlow's padding and epsilon.
  """
  body: list[Block] = []
  for number, (channels, stride, se, activation) in enumerate(OFA_STAGES, 1):
    for i in range(4):
      here = f'stage{number}/block{i + 1}'
      kept = tuple(depth > i for depth in (2, 3, 4))
      body.append(
        InvertedResidual(
          kernel=one_of(f'{here}/kernel', 3, 5, 7),
          stride=1 if i else stride,
          expand_ratio=one_of(f'{here}/expand', 3, 4, 6),
          channels=channels,
          squeeze_excite=se,
          activation=activation,
          keep=True if all(kept) else one_of(f'stage{number}/depth', *kept),
        )
      )
  least = round(resolution / 7) * 4
  blocks = (
    Conv(kernel=3, stride=2, channels=16, activation='hard_swish'),
    InvertedResidual(kernel=3, expand_ratio=1, channels=16, activation='relu'),
    *body,
    Conv(kernel=1, channels=960, activation='hard_swish'),
    Pool(),
    Dense(channels=1280, activation='hard_swish', bias=False),
    Dense(channels=num_classes),
  )
  return ArchSpec(
    name='ofa_mobilenet_v3',
    resolution=searched_resolution((*range(least, resolution, 4), resolution)),
    blocks=blocks,
  )


def fbnet(resolution: int, num_classes: int) -> ArchSpec:
  """FBNet's space (arXiv 1812.03443, Tables 1 and 2).

  One decision a block: kernel 3 or 5 with expansion 1, 3 or 6, or nothing. The
  paper has nine candidates and 9^22 networks; here there are seven, for its
  two with grouped 1x1 convolutions are left out, and nothing is a candidate
  only where it leaves the shape as it is: 6^6 * 7^16. An expansion of 1 has
  its convolution.
  """
  body: list[Block] = []
  for number, (channels, layers, stride) in enumerate(FBNET_STAGES, 1):
    for i in range(layers):
      same = i > 0 or number == 1  # the stem has 16 channels, too
      tag = f'stage{number}/block{i + 1}/op'
      body.append(_fbnet_block(tag, channels, 1 if i else stride, same))
  blocks = (
    Conv(kernel=3, stride=2, channels=16),
    *body,
    Conv(kernel=1, channels=1984),
    Pool(),
    Dense(channels=num_classes),
  )
  return ArchSpec(name='fbnet', resolution=resolution, blocks=blocks)


def _fbnet_block(
  tag: str, channels: int, stride: int, optional: bool
) -> InvertedResidual:
  ops = FBNET_OPS[:1] + FBNET_OPS if optional else FBNET_OPS
  kernels, ratios = zip(*ops, strict=True)
  return InvertedResidual(
    kernel=one_of(tag, *kernels),
    stride=stride,
    expand_ratio=one_of(tag, *ratios),
    channels=channels,
    full=True,
    keep=one_of(tag, False, *[True] * len(FBNET_OPS)) if optional else True,
  )


def mobilenet_v4(resolution: int, num_classes: int) -> ArchSpec:
  """A space of universal inverted bottlenecks (arXiv 2404.10518, section 5).

  Around MNv4-Conv-M (Table 12), which is in it: of every block both depthwise
  convolutions (none, 3, 5) and the expansion (2, 4, 6), of every stage three
  widths and the number of blocks, up to its own. The authors search in two
  stages, first the widths with expansion 4 and kernel 3, then the depthwise
  convolutions with expansion 4; here all is searched at once, with the
  expansions that their tables have. No attention.
  """
  fused = one_of('stage1/width', *widths(48))
  body: list[Block] = []
  for number, (channels, layers) in enumerate(V4_STAGES, 2):
    stage = f'stage{number}'
    width = one_of(f'{stage}/width', *widths(channels))
    for i in range(layers):
      here = f'{stage}/block{i + 1}'
      kept = [depth > i for depth in range(1, layers + 1)]
      block = UniversalBottleneck(
        start_kernel=one_of(f'{here}/before', *V4_KERNELS),
        kernel=one_of(f'{here}/after', *V4_KERNELS),
        expand_ratio=one_of(f'{here}/expand', *V4_EXPANSIONS),
        channels=width,
      )
      if i:
        keep = one_of(f'{stage}/depth', *kept)
        block = dataclasses.replace(block, keep=keep)
      else:  # the stride needs a convolution
        kernel = one_of(f'{here}/after', *V4_KERNELS[1:])
        block = dataclasses.replace(block, kernel=kernel, stride=2)
      body.append(block)
  blocks = (
    Conv(kernel=3, stride=2, channels=32),
    FusedInvertedResidual(kernel=3, stride=2, expand_ratio=4, channels=fused),
    *body,
    Conv(kernel=1, channels=960),
    Pool(),
    Dense(channels=1280, activation='relu', norm=True),
    Dense(channels=num_classes),
  )
  return ArchSpec(name='mobilenet_v4', resolution=resolution, blocks=blocks)
