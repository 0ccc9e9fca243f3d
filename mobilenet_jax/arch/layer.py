"""What the folds over a spec return: shapes of blocks, layers of blocks."""

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True)
class BlockIO:
  """What goes into and comes out of a block: (side, channels).

  The side of a pooled vector is 1.
  """

  in_size: int
  in_channels: int
  out_size: int
  out_channels: int


@dataclass(frozen=True)
class Layer:
  """One convolution or dense layer with its norm, or a vector of scales.

  Attributes:
    name: its scope among the parameters.
    kernel, stride: of the window.
    in_size, in_channels, out_size, out_channels: its shapes.
    groups: of the channels.
    bias, norm: whether it has them.
    weight: the scope of its kernel under `name`: 'conv', 'dense' or ''.
  """

  name: str
  kernel: int
  stride: int
  in_size: int
  in_channels: int
  out_size: int
  out_channels: int
  groups: int = 1
  bias: bool = False
  norm: bool = True
  weight: str = 'conv'

  @property
  def weights(self) -> int:
    """Numbers in its kernel."""
    return self.kernel**2 * self.in_channels * self.out_channels // self.groups

  @property
  def params(self) -> int:
    """Trainable parameters: kernel, bias, scale and bias of the norm."""
    return self.weights + (self.bias + 2 * self.norm) * self.out_channels

  @property
  def macs(self) -> int:
    """Multiply-adds of the kernel."""
    return self.weights * self.out_size**2

  def at(self, scope: str) -> 'Layer':
    """The same layer inside a scope."""
    name = f'{scope}/{self.name}' if self.name else scope
    return dataclasses.replace(self, name=name)


@dataclass(frozen=True)
class Vector(Layer):
  """A norm or a layer scale on its own: parameters without multiply-adds."""

  @property
  def weights(self) -> int:
    """None."""
    return 0


def conv(
  name: str,
  io: BlockIO,
  kernel: int = 1,
  stride: int = 1,
  *,
  groups: int = 1,
  norm: bool = True,
) -> Layer:
  """A convolution; without norm it has a bias."""
  return Layer(
    name, kernel, stride, io.in_size, io.in_channels, io.out_size,
    io.out_channels, groups, bias=not norm, norm=norm,
  )  # fmt: skip


def depthwise(
  name: str, size: int, out: int, channels: int, kernel: int, stride: int
) -> Layer:
  """A depthwise convolution with its norm."""
  io = BlockIO(size, channels, out, channels)
  return conv(name, io, kernel, stride, groups=channels)


def pointwise(
  name: str, size: int, cin: int, cout: int, *, groups: int = 1
) -> Layer:
  """A 1x1 convolution with its norm."""
  return conv(name, BlockIO(size, cin, size, cout), groups=groups)


def gate(name: str, cin: int, cout: int) -> Layer:
  """A 1x1 convolution with bias on pooled channels."""
  return Layer(name, 1, 1, 1, cin, 1, cout, bias=True, norm=False, weight='')


def squeeze_excite(channels: int, squeezed: int) -> list[Layer]:
  """The two layers of squeeze-and-excite."""
  return [
    gate('squeeze_excite/reduce', channels, squeezed),
    gate('squeeze_excite/expand', squeezed, channels),
  ]
