"""Blocks of the networks that MobileNets are compared with. No JAX."""

from dataclasses import dataclass
from typing import ClassVar

from mobilenet_jax.arch.blocks import Spatial, divides
from mobilenet_jax.arch.fields import activation, coded, flag
from mobilenet_jax.arch.layer import BlockIO, Layer, conv, depthwise, pointwise


@dataclass(frozen=True, kw_only=True)
class Fire(Spatial):
  """Squeeze 1x1, then 1x1 and 3x3 side by side; biases, no norm.

  SqueezeNet (arXiv 1602.07360), section 3.2. Half of the channels come from
  each of the two.

  Attributes:
    squeezed: channels after the squeeze.
    residual: simple bypass, section 6: the input is added where widths agree.
  """

  kind: ClassVar[str] = 'fire'
  squeezed: int = coded('sq')
  channels: int = coded('c')
  activation: str = activation()
  dilation: int = coded('d', 1)
  residual: bool = flag('skip', False)

  def layers(self, io: BlockIO) -> list[Layer]:
    size, thin, half = io.in_size, self.squeezed, self.channels // 2
    into = BlockIO(size, io.in_channels, size, thin)
    out = BlockIO(size, thin, size, half)
    return [
      conv('squeeze', into, norm=False),
      conv('expand_1x1', out, norm=False),
      conv('expand_3x3', out, 3, norm=False),
    ]

  def fault(self, io: BlockIO) -> str | None:
    return divides(2, output=io.out_channels)


@dataclass(frozen=True, kw_only=True)
class ShuffleUnit(Spatial):
  """Grouped 1x1, channel shuffle, depthwise, grouped 1x1.

  ShuffleNet V1 (arXiv 1707.01083), section 3.2.

  Attributes:
    groups: of both 1x1 convolutions.
    group_first: off, the first one has a single group (first unit of all).
    down: the unit that changes size: the input, averaged over 3x3 pixels,
      makes the first channels of the output instead of being added to it.
  """

  kind: ClassVar[str] = 'shuf'
  kernel: int = coded('k', 3)
  stride: int = coded('s', 1)
  channels: int = coded('c')
  groups: int = coded('g')
  activation: str = activation()
  dilation: int = coded('d', 1)
  group_first: bool = flag('open', True)
  down: bool = flag('down', False)

  def branch(self, in_channels: int) -> int:
    """Channels that the convolutions make."""
    return self.channels - (in_channels if self.down else 0)

  def layers(self, io: BlockIO) -> list[Layer]:
    cin, size, out = io.in_channels, io.in_size, io.out_size
    thin, made = self.channels // 4, self.branch(io.in_channels)
    first = self.groups if self.group_first else 1
    return [
      pointwise('compress', size, cin, thin, groups=first),
      depthwise('depthwise', size, out, thin, self.kernel, self.stride),
      pointwise('expand', out, thin, made, groups=self.groups),
    ]

  def fault(self, io: BlockIO) -> str | None:
    made = self.branch(io.in_channels)
    if made < 1:
      return f'{self.channels} channels leave none beside the input'
    first = io.in_channels if self.group_first else self.groups
    return (
      _keeps(self, io)
      or divides(4, output=self.channels)
      or divides(self.groups, input=first, inner=self.channels // 4, new=made)
    )


@dataclass(frozen=True, kw_only=True)
class SplitShuffleUnit(Spatial):
  """Channel split, 1x1, depthwise, 1x1, concatenation, channel shuffle.

  ShuffleNet V2 (arXiv 1807.11164), section 3.2.

  Attributes:
    down: the unit that changes size: both branches see all of the input, and
      the shortcut is a depthwise and a 1x1 convolution.
  """

  kind: ClassVar[str] = 'split'
  kernel: int = coded('k', 3)
  stride: int = coded('s', 1)
  channels: int = coded('c')
  activation: str = activation()
  dilation: int = coded('d', 1)
  down: bool = flag('down', False)

  def layers(self, io: BlockIO) -> list[Layer]:
    cin, size, out = io.in_channels, io.in_size, io.out_size
    half, kernel = self.channels // 2, self.kernel
    rows = []
    if self.down:
      rows += [
        depthwise('shortcut_depthwise', size, out, cin, kernel, self.stride),
        pointwise('shortcut_project', out, cin, half),
      ]
    return [
      *rows,
      pointwise('expand', size, cin if self.down else half, half),
      depthwise('depthwise', size, out, half, kernel, self.stride),
      pointwise('project', out, half, half),
    ]

  def fault(self, io: BlockIO) -> str | None:
    return _keeps(self, io) or divides(2, output=self.channels)


@dataclass(frozen=True, kw_only=True)
class Inception(Spatial):
  """Four branches side by side: 1x1; 1x1, 3x3; 1x1, 3x3; pool, 1x1.

  GoogLeNet (arXiv 1409.4842), Figure 2b, as torchvision has it: batch norm
  throughout, and the branch of 5x5 convolutions made of 3x3 ones.

  Attributes:
    ones: channels of the first branch.
    reduce_3x3, threes: of the second.
    reduce_5x5, fives: of the third.
    pooled: of the fourth.
  """

  kind: ClassVar[str] = 'inc'
  ones: int = coded('b')
  reduce_3x3: int = coded('rt')
  threes: int = coded('t')
  reduce_5x5: int = coded('rf')
  fives: int = coded('f')
  pooled: int = coded('q')
  activation: str = activation()
  dilation: int = coded('d', 1)

  @property
  def channels(self) -> int:
    """Of the output."""
    return self.ones + self.threes + self.fives + self.pooled

  def layers(self, io: BlockIO) -> list[Layer]:
    size, cin = io.in_size, io.in_channels

    def wide(name: str, thin: int, channels: int) -> Layer:
      return conv(name, BlockIO(size, thin, size, channels), 3)

    return [
      pointwise('ones', size, cin, self.ones),
      pointwise('reduce_3x3', size, cin, self.reduce_3x3),
      wide('threes', self.reduce_3x3, self.threes),
      pointwise('reduce_5x5', size, cin, self.reduce_5x5),
      wide('fives', self.reduce_5x5, self.fives),
      pointwise('pooled', size, cin, self.pooled),
    ]


@dataclass(frozen=True, kw_only=True)
class Bottleneck(Spatial):
  """1x1, 3x3, 1x1 with a shortcut; the activation after the sum.

  ResNet (arXiv 1512.03385), section 4.1, with the stride in the 3x3
  convolution as torchvision has it. Where the shape changes the shortcut is
  a 1x1 convolution. A quarter of the channels are inside.

  Attributes:
    project: whether the shortcut is a convolution.
  """

  kind: ClassVar[str] = 'res'
  kernel: int = coded('k', 3)
  stride: int = coded('s', 1)
  channels: int = coded('c')
  activation: str = activation()
  dilation: int = coded('d', 1)
  project: bool = flag('proj', False)

  def layers(self, io: BlockIO) -> list[Layer]:
    cin, size, out = io.in_channels, io.in_size, io.out_size
    thin, cout = self.channels // 4, self.channels
    rows = [
      pointwise('reduce', size, cin, thin),
      conv('conv', BlockIO(size, thin, out, thin), self.kernel, self.stride),
      pointwise('expand', out, thin, cout),
    ]
    if self.project:
      into = BlockIO(size, cin, out, cout)
      rows.append(conv('shortcut', into, 1, self.stride))
    return rows

  def fault(self, io: BlockIO) -> str | None:
    if not self.project and (
      self.stride > 1 or io.in_channels != self.channels
    ):
      return 'it changes the shape, so that it needs proj'
    return divides(4, output=self.channels)


def _keeps(block: ShuffleUnit | SplitShuffleUnit, io: BlockIO) -> str | None:
  """A fault where a unit that is not `down` changes the shape."""
  same = block.stride == 1 and io.in_channels == block.channels
  return None if same or block.down else 'it changes the shape: needs down'
