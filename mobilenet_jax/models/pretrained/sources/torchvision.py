"""torchvision's networks (0.28; the names have not changed since 0.13)."""

import dataclasses
from collections.abc import Callable
from typing import Any

from mobilenet_jax.arch import (
  IMAGENET,
  ArchSpec,
  Bottleneck,
  Conv,
  Dense,
  Fire,
  Inception,
  InvertedResidual,
  MaxPool,
  SplitShuffleUnit,
)
from mobilenet_jax.arch.inputs import TENSORFLOW
from mobilenet_jax.models.pretrained.source import (
  TORCH,
  Slots,
  Source,
  Variant,
  parts,
)

# images of 224 px out of 232, where the usual 256 is the default
CLOSE = 224 / 232
CLOSE_FILES = ('7ebf99e0', '5c1a4163', '11ad3fa6')  # V2, V3-Large, ResNet-50
MNASNET = (3, 3, 3, 2, 4, 1)
EFFICIENTNET_B0 = (1, 2, 2, 3, 3, 4, 1)
SHUFFLENET = (4, 8, 4)
RESNET50 = (3, 4, 6, 3)
INCEPTIONS = ('3a', '3b', '4a', '4b', '4c', '4d', '4e', '5a', '5b')
SPLIT = {
  'shortcut_depthwise': ('branch1.0', 'branch1.1'),
  'shortcut_project': ('branch1.2', 'branch1.3'),
  'expand': ('branch2.0', 'branch2.1'),
  'depthwise': ('branch2.3', 'branch2.4'),
  'project': ('branch2.5', 'branch2.6'),
}
INCEPTION = {
  'ones': 'branch1',
  'reduce_3x3': 'branch2.0',
  'threes': 'branch2.1',
  'reduce_5x5': 'branch3.0',
  'fives': 'branch3.1',
  'pooled': 'branch4.1',
}
BOTTLENECK = {
  'reduce': ('conv1', 'bn1'),
  'conv': ('conv2', 'bn2'),
  'expand': ('conv3', 'bn3'),
  'shortcut': ('downsample.0', 'downsample.1'),
}
FIRE = ('squeeze', 'expand1x1', 'expand3x3')


def stages(sizes: tuple[int, ...], first: int = 0) -> list[tuple[int, int]]:
  """(stage, index in it) of every block, stages counted from `first`."""
  return [(first + s, i) for s, n in enumerate(sizes) for i in range(n)]


def pair(prefix: str) -> tuple[str, str]:
  """A convolution and its norm in one `Sequential`."""
  return f'{prefix}.0', f'{prefix}.1'


def mobilenet_v2(spec: ArchSpec) -> Slots:
  """MobileNetV2."""
  found: Slots = []
  for i, (block, names) in enumerate(parts(spec)):
    if isinstance(block, Dense):
      found.append(('classifier.1', ''))
    elif isinstance(block, Conv):
      found.append(pair(f'features.{i}'))
    else:
      home, last = f'features.{i}.conv', len(names) - 1
      found += [pair(f'{home}.{j}') for j in range(last)]
      found.append((f'{home}.{last}', f'{home}.{last + 1}'))
  return found


def _of_blocks(
  spec: ArchSpec, homes: list[str], classifier: list[int]
) -> Slots:
  """Inverted residuals whose parts are counted, squeeze-and-excite as one."""
  found: Slots = []
  dense = iter(classifier)
  for home, (block, names) in zip(homes, parts(spec), strict=False):
    if not isinstance(block, InvertedResidual):
      found.append(pair(home))
      continue
    for i, part in enumerate(dict.fromkeys(n.split('/')[0] for n in names)):
      inside = f'{home}.block.{i}'
      if part == 'squeeze_excite':
        found += [(f'{inside}.fc1', ''), (f'{inside}.fc2', '')]
      else:
        found.append(pair(inside))
  return found + [(f'classifier.{i}', '') for i in dense]


def mobilenet_v3(spec: ArchSpec) -> Slots:
  """MobileNetV3."""
  count = sum(not isinstance(b, Dense) for b, _ in parts(spec))
  return _of_blocks(spec, [f'features.{i}' for i in range(count)], [0, 3])


def efficientnet(spec: ArchSpec) -> Slots:
  """EfficientNet-B0."""
  inner = [f'features.{s}.{i}' for s, i in stages(EFFICIENTNET_B0, 1)]
  return _of_blocks(spec, ['features.0', *inner, 'features.8'], [1])


def mnasnet(spec: ArchSpec) -> Slots:
  """MnasNet-B1."""
  found: Slots = [(f'layers.{i}', f'layers.{i + 1}') for i in (0, 3, 6)]
  for s, i in stages(MNASNET, 8):
    home = f'layers.{s}.{i}.layers'
    found += [(f'{home}.{j}', f'{home}.{j + 1}') for j in (0, 3, 6)]
  return [*found, ('layers.14', 'layers.15'), ('classifier.1', '')]


def shufflenet_v2(spec: ArchSpec) -> Slots:
  """ShuffleNet V2."""
  found: Slots = [pair('conv1')]
  units = [p for p in parts(spec) if isinstance(p[0], SplitShuffleUnit)]
  for (s, i), (_, names) in zip(stages(SHUFFLENET, 2), units, strict=True):
    home = f'stage{s}.{i}.'
    found += [(home + SPLIT[n][0], home + SPLIT[n][1]) for n in names]
  return [*found, pair('conv5'), ('fc', '')]


def squeezenet(spec: ArchSpec) -> Slots:
  """SqueezeNet."""
  found: Slots = [('features.0', '')]
  for i, block in enumerate(spec.blocks):
    if isinstance(block, Fire):
      found += [(f'features.{i + 1}.{name}', '') for name in FIRE]
  return [*found, ('classifier.1', '')]


def plain(*classifier: int) -> Callable[[ArchSpec], Slots]:
  """AlexNet and VGG: convolutions, each with its activation, and pools."""

  def slots(spec: ArchSpec) -> Slots:
    found: Slots = []
    at = 0
    for block in spec.blocks:
      if isinstance(block, Conv):
        found.append((f'features.{at}', ''))
      at += 2 * isinstance(block, Conv) + isinstance(block, MaxPool)
    return found + [(f'classifier.{i}', '') for i in classifier]

  return slots


def googlenet(spec: ArchSpec) -> Slots:
  """GoogLeNet without its side heads."""
  homes = [f'conv{i}' for i in (1, 2, 3)]
  blocks = [p for p in parts(spec) if isinstance(p[0], Inception)]
  for label, (_, names) in zip(INCEPTIONS, blocks, strict=True):
    homes += [f'inception{label}.{INCEPTION[name]}' for name in names]
  return [*((f'{h}.conv', f'{h}.bn') for h in homes), ('fc', '')]


def resnet50(spec: ArchSpec) -> Slots:
  """ResNet-50."""
  found: Slots = [('conv1', 'bn1')]
  blocks = [p for p in parts(spec) if isinstance(p[0], Bottleneck)]
  for (s, i), (_, names) in zip(stages(RESNET50, 1), blocks, strict=True):
    home = f'layer{s}.{i}.'
    found += [(home + BOTTLENECK[n][0], home + BOTTLENECK[n][1]) for n in names]
  return [*found, ('fc', '')]


def _make(
  name: str, slots: Callable[[ArchSpec], Slots], **more: Any
) -> Variant:
  usual: dict[str, Any] = {
    'padding': 'symmetric',
    'norm_epsilon': 1e-5,
    'inputs': IMAGENET,
  }
  return Variant(name=name, slots=slots, **{**usual, **more})


_CLOSE = dataclasses.replace(IMAGENET, crop=CLOSE)
_MODELS = {
  'mobilenet_v2': _make('mobilenet_v2', mobilenet_v2, width=None),
  # at other widths torchvision scales the last layers too
  'mobilenet_v3_large': _make(
    'mobilenet_v3_large', mobilenet_v3, norm_epsilon=1e-3
  ),
  'mobilenet_v3_small': _make(
    'mobilenet_v3_small', mobilenet_v3, norm_epsilon=1e-3
  ),
  'mnasnet0_5': _make('mnasnet_b1', mnasnet, width=0.5),
  'mnasnet0_75': _make('mnasnet_b1', mnasnet, width=0.75, inputs=_CLOSE),
  'mnasnet1_0': _make('mnasnet_b1', mnasnet),
  'mnasnet1_3': _make('mnasnet_b1', mnasnet, width=1.3, inputs=_CLOSE),
  'shufflenet_v2_x0_5': _make('shufflenet_v2', shufflenet_v2, width=0.5),
  'shufflenet_v2_x1_0': _make('shufflenet_v2', shufflenet_v2),
  'shufflenet_v2_x1_5': _make(
    'shufflenet_v2', shufflenet_v2, width=1.5, inputs=_CLOSE
  ),
  'shufflenet_v2_x2_0': _make(
    'shufflenet_v2', shufflenet_v2, width=2.0, inputs=_CLOSE
  ),
  'squeezenet1_0': _make('squeezenet_1_0', squeezenet, norm_epsilon=1e-3),
  'squeezenet1_1': _make('squeezenet_1_1', squeezenet, norm_epsilon=1e-3),
  'alexnet': _make('alexnet', plain(1, 4, 6)),
  'vgg16': _make('vgg16', plain(0, 3, 6)),
  # its weights want images in [-1, 1] (transform_input)
  'googlenet': _make(
    'googlenet', googlenet, norm_epsilon=1e-3, inputs=TENSORFLOW
  ),
  'resnet50': _make('resnet50', resnet50),
  'efficientnet_b0': _make(
    'efficientnet_b0',
    efficientnet,
    inputs=dataclasses.replace(IMAGENET, interpolation='bicubic'),
  ),
}


def _settle(spec: ArchSpec, settings: dict[str, Any], file: str) -> ArchSpec:
  """The second release of some weights crops less, by the file's name."""
  if not any(mark in file for mark in CLOSE_FILES):
    return spec
  return spec.replace(inputs=dataclasses.replace(spec.inputs, crop=CLOSE))


SOURCE = Source(
  models=_MODELS,
  dialect=TORCH,
  ignored=r'.*\.num_batches_tracked|aux[12]\..*',
  settle=_settle,
)
