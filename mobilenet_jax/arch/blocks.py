"""The plain blocks: convolution, pools, dense layers. Pure Python, no JAX."""

from dataclasses import dataclass
from typing import ClassVar

from mobilenet_jax.arch.fields import activation, coded, flag
from mobilenet_jax.arch.layer import BlockIO, Layer, conv
from mobilenet_jax.arch.window import Padding, axis


@dataclass(frozen=True, kw_only=True)
class BaseBlock:
  """What every kind of block can tell of itself."""

  kind: ClassVar[str]

  def io(self, size: int, channels: int, padding: Padding) -> BlockIO:
    """Its shapes, given what comes in and the network's padding."""
    raise NotImplementedError

  def layers(self, io: BlockIO) -> list[Layer]:
    """Its layers in the order of computation, named within the block."""
    del io
    return []

  def fault(self, io: BlockIO) -> str | None:
    """Why it cannot stand where it does; None where it can."""
    del io
    return None


def divides(groups: int, **channels: int) -> str | None:
  """A fault where `groups` does not divide all of some channels."""
  for name, count in channels.items():
    if count % groups:
      return f'{groups} groups do not divide {count} {name} channels'
  return None


@dataclass(frozen=True, kw_only=True)
class Spatial(BaseBlock):
  """A block whose stride divides the side of the image."""

  def io(self, size: int, channels: int, padding: Padding) -> BlockIO:
    out = axis(size, 1, getattr(self, 'stride', 1), 'same').out
    return BlockIO(size, channels, out, getattr(self, 'channels', channels))


@dataclass(frozen=True, kw_only=True)
class Conv(BaseBlock):
  """Convolution, batch norm, activation.

  Attributes:
    groups: of the channels.
    norm: without it there is a bias instead.
    padding: zeros on each side, where it is not the network's rule.
    keep: in a search space, whether the block is there at all.
  """

  kind: ClassVar[str] = 'conv'
  kernel: int = coded('k')
  stride: int = coded('s', 1)
  channels: int = coded('c')
  activation: str = activation()
  groups: int = coded('g', 1)
  dilation: int = coded('d', 1)
  padding: int | None = coded('p', None, least=0)
  norm: bool = flag('nonorm', True)
  keep: bool = True

  def io(self, size: int, channels: int, padding: Padding) -> BlockIO:
    rule = padding if self.padding is None else self.padding
    way = axis(size, self.kernel, self.stride, rule, self.dilation)
    return BlockIO(size, channels, way.out, self.channels)

  def layers(self, io: BlockIO) -> list[Layer]:
    return [
      conv('', io, self.kernel, self.stride, groups=self.groups, norm=self.norm)
    ]

  def fault(self, io: BlockIO) -> str | None:
    return divides(self.groups, input=io.in_channels, output=io.out_channels)


@dataclass(frozen=True, kw_only=True)
class MaxPool(BaseBlock):
  """The largest value under a window.

  Attributes:
    padding: on each side, where it is not the network's rule.
    ceil: whether a last window may hang over the end.
  """

  kind: ClassVar[str] = 'max'
  kernel: int = coded('k')
  stride: int = coded('s', 1)
  dilation: int = coded('d', 1)
  padding: int | None = coded('p', None, least=0)
  ceil: bool = flag('ceil', False)

  def io(self, size: int, channels: int, padding: Padding) -> BlockIO:
    rule = padding if self.padding is None else self.padding
    way = axis(
      size, self.kernel, self.stride, rule, self.dilation, ceil=self.ceil
    )
    return BlockIO(size, channels, way.out, channels)


@dataclass(frozen=True, kw_only=True)
class Pool(BaseBlock):
  """Global average pooling, [N, H, W, C] to [N, C]."""

  kind: ClassVar[str] = 'pool'

  def io(self, size: int, channels: int, padding: Padding) -> BlockIO:
    return BlockIO(size, channels, 1, channels)


@dataclass(frozen=True, kw_only=True)
class Flatten(BaseBlock):
  """Averages to `size` x `size` and flattens, [N, H, W, C] to [N, size^2 C].

  Windows are those of PyTorch's adaptive pooling.
  """

  kind: ClassVar[str] = 'flat'
  size: int = coded('o')

  def io(self, size: int, channels: int, padding: Padding) -> BlockIO:
    return BlockIO(size, channels, 1, self.size**2 * channels)


@dataclass(frozen=True, kw_only=True)
class Dense(BaseBlock):
  """Fully connected layer, after a `Pool` or `Flatten`.

  Attributes:
    bias: whether it has one; never with a norm.
    norm: batch norm between the layer and its activation.
  """

  kind: ClassVar[str] = 'dense'
  channels: int = coded('c')
  activation: str = activation('linear')
  bias: bool = flag('nobias', True)
  norm: bool = flag('norm', False)

  def io(self, size: int, channels: int, padding: Padding) -> BlockIO:
    return BlockIO(size, channels, 1, self.channels)

  def layers(self, io: BlockIO) -> list[Layer]:
    bias = self.bias and not self.norm
    return [
      Layer(
        '', 1, 1, 1, io.in_channels, 1, io.out_channels, bias=bias,
        norm=self.norm, weight='dense',
      )
    ]  # fmt: skip

  def fault(self, io: BlockIO) -> str | None:
    if self.norm and not self.bias:
      return 'norm already means no bias; leave nobias out'
    return None
