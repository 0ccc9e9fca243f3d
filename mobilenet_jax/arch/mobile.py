"""The blocks of the MobileNets. Pure Python, no JAX."""

from dataclasses import dataclass
from typing import ClassVar

from mobilenet_jax.arch.blocks import BaseBlock, Spatial
from mobilenet_jax.arch.fields import GATES, activation, coded, flag, named
from mobilenet_jax.arch.layer import (
  BlockIO,
  Layer,
  Vector,
  conv,
  depthwise,
  pointwise,
  squeeze_excite,
)
from mobilenet_jax.arch.window import Padding
from mobilenet_jax.core.rounding import make_divisible

RATIO = {'least': 0, 'most': 64}


@dataclass(frozen=True, kw_only=True)
class DepthwiseSeparable(Spatial):
  """Depthwise and pointwise convolution, both with norm and activation.

  MobileNetV1 (arXiv 1704.04861), section 3.1. MnasNet's first block is one
  with a linear projection.

  Attributes:
    keep: in a search space, whether the block is there at all.
  """

  kind: ClassVar[str] = 'ds'
  kernel: int = coded('k')
  stride: int = coded('s', 1)
  channels: int = coded('c')
  activation: str = activation()
  dilation: int = coded('d', 1)
  keep: bool = True

  def layers(self, io: BlockIO) -> list[Layer]:
    size, out, cin = io.in_size, io.out_size, io.in_channels
    return [
      depthwise('depthwise', size, out, cin, self.kernel, self.stride),
      pointwise('project', out, cin, io.out_channels),
    ]


@dataclass(frozen=True, kw_only=True)
class InvertedResidual(Spatial):
  """Expand 1x1, depthwise, squeeze-and-excite, linear project 1x1.

  MobileNetV2 (arXiv 1801.04381), section 3.3, with V3's squeeze-and-excite
  (arXiv 1905.02244, section 5.3). The expansion is left out where it would
  not widen. The shortcut is taken where stride is 1 and the widths agree,
  unless `residual` is off.

  Attributes:
    expand_ratio: expanded channels are make_divisible(in * expand_ratio).
    full: whether the expansion is there even where it does not widen.
    squeeze_excite: squeezed over expanded channels; 0 is none.
    squeezed: the squeezed channels themselves, where no ratio gives them.
    gate: of squeeze-and-excite. V3's 'hard_sigmoid' has a ReLU before it,
      the 'sigmoid' of MnasNet and EfficientNet the block's own activation.
    keep: in a search space, whether the block is there at all.
  """

  kind: ClassVar[str] = 'ir'
  kernel: int = coded('k')
  stride: int = coded('s', 1)
  expand_ratio: float = coded('e', **RATIO)
  channels: int = coded('c')
  squeeze_excite: float = coded('se', 0.0, **RATIO)
  squeezed: int = coded('sq', 0, least=0)
  gate: str = named(GATES, 'hard_sigmoid')
  activation: str = activation()
  dilation: int = coded('d', 1)
  residual: bool = flag('noskip', True)
  full: bool = flag('full', False)
  keep: bool = True

  def layers(self, io: BlockIO) -> list[Layer]:
    size, out, cin = io.in_size, io.out_size, io.in_channels
    wide = expanded_channels(self, cin)
    thin = squeezed_channels(self, wide)
    rows = []
    if has_expansion(self, cin):
      rows.append(pointwise('expand', size, cin, wide))
    rows.append(
      depthwise('depthwise', size, out, wide, self.kernel, self.stride)
    )
    if thin:
      rows += squeeze_excite(wide, thin)
    return [*rows, pointwise('project', out, wide, io.out_channels)]


@dataclass(frozen=True, kw_only=True)
class SqueezeExcite(BaseBlock):
  """Squeeze-and-excite on its own (arXiv 1709.01507).

  Attributes:
    squeezed: channels inside.
    gate, activation: as in `InvertedResidual`.
  """

  kind: ClassVar[str] = 'se'
  squeezed: int = coded('sq')
  gate: str = named(GATES, 'hard_sigmoid')
  activation: str = activation()

  def io(self, size: int, channels: int, padding: Padding) -> BlockIO:
    return BlockIO(size, channels, size, channels)

  def layers(self, io: BlockIO) -> list[Layer]:
    return squeeze_excite(io.in_channels, self.squeezed)


@dataclass(frozen=True, kw_only=True)
class FusedInvertedResidual(Spatial):
  """Expand by a full convolution, linear project 1x1.

  MobileNetEdgeTPU (tensorflow/models slim) and MobileNetV4 (arXiv 2404.10518,
  section 3, FusedIB).
  """

  kind: ClassVar[str] = 'fused'
  kernel: int = coded('k')
  stride: int = coded('s', 1)
  expand_ratio: float = coded('e', **RATIO)
  channels: int = coded('c')
  activation: str = activation()
  dilation: int = coded('d', 1)
  residual: bool = flag('noskip', True)

  def layers(self, io: BlockIO) -> list[Layer]:
    wide = expanded_channels(self, io.in_channels)
    into = BlockIO(io.in_size, io.in_channels, io.out_size, wide)
    return [
      conv('expand', into, self.kernel, self.stride),
      pointwise('project', io.out_size, wide, io.out_channels),
    ]


@dataclass(frozen=True, kw_only=True)
class UniversalBottleneck(Spatial):
  """Universal inverted bottleneck, arXiv 2404.10518, section 3.

  A depthwise convolution before the expansion, and one between expansion and
  projection, either of which may be missing: both are ExtraDW, the first alone
  ConvNext, the second alone an inverted bottleneck, none an FFN. The stride is
  on the second where there is one, else on the first.

  Attributes:
    start_kernel: of the first depthwise convolution (no activation); 0: none.
    kernel: of the second; 0: none.
    layer_scale: whether the block's output is scaled channel by channel.
    keep: in a search space, whether the block is there at all.
  """

  kind: ClassVar[str] = 'uib'
  start_kernel: int = coded('a', 0, least=0)
  kernel: int = coded('k', 0, least=0)
  stride: int = coded('s', 1)
  expand_ratio: float = coded('e', **RATIO)
  channels: int = coded('c')
  activation: str = activation()
  dilation: int = coded('d', 1)
  residual: bool = flag('noskip', True)
  layer_scale: bool = flag('ls', False)
  keep: bool = True

  def fault(self, io: BlockIO) -> str | None:
    if self.stride > 1 and not (self.kernel or self.start_kernel):
      return f'stride {self.stride} needs a depthwise convolution'
    return None

  def layers(self, io: BlockIO) -> list[Layer]:
    cin, size, out = io.in_channels, io.in_size, io.out_size
    wide = expanded_channels(self, cin)
    first = 1 if self.kernel else self.stride
    middle = size if self.kernel else out
    rows = []
    if self.start_kernel:
      rows.append(
        depthwise('start', size, middle, cin, self.start_kernel, first)
      )
    rows.append(pointwise('expand', middle, cin, wide))
    if self.kernel:
      rows.append(
        depthwise('depthwise', middle, out, wide, self.kernel, self.stride)
      )
    rows.append(pointwise('project', out, wide, io.out_channels))
    return rows + scales(self.layer_scale, io)


@dataclass(frozen=True, kw_only=True)
class MobileAttention(Spatial):
  """Mobile multi-query attention, arXiv 2404.10518, section 4.

  Many heads of queries share one head of keys and values, which are made from
  an image scaled down by a strided depthwise convolution.

  Attributes:
    heads, key_dim: number of heads, channels of each.
    kv_stride: how far keys and values are scaled down.
    kernel: of the convolution that does it.
  """

  kind: ClassVar[str] = 'mqa'
  kernel: int = coded('k')
  heads: int = coded('h', most=1024)
  key_dim: int = coded('kd')
  kv_stride: int = coded('v', 1)
  channels: int = coded('c')
  residual: bool = flag('noskip', True)
  layer_scale: bool = flag('ls', False)

  def layers(self, io: BlockIO) -> list[Layer]:
    size, cin = io.in_size, io.in_channels
    small = -(-size // self.kv_stride)
    wide = self.heads * self.key_dim
    rows: list[Layer] = [Vector('', 1, 1, size, cin, size, cin, weight='')]
    rows.append(_bare('query', size, cin, wide))
    for name in ('key', 'value'):
      if self.kv_stride > 1:
        rows.append(
          depthwise(
            f'{name}_down', size, small, cin, self.kernel, self.kv_stride
          )
        )
      rows.append(_bare(f'{name}_project', small, cin, self.key_dim))
    rows.append(_bare('output', size, wide, io.out_channels))
    return rows + scales(self.layer_scale, io)


def _bare(name: str, size: int, cin: int, cout: int) -> Layer:
  """A 1x1 convolution with neither norm nor bias."""
  return Layer(name, 1, 1, size, cin, size, cout, norm=False, weight='')


def scales(there: bool, io: BlockIO) -> list[Layer]:
  """The layer scale of a block, if it is there."""
  if not there:
    return []
  size, channels = io.out_size, io.out_channels
  return [
    Vector(
      'layer_scale', 1, 1, size, channels, size, channels, bias=True,
      norm=False, weight='',
    )
  ]  # fmt: skip


Expanding = InvertedResidual | FusedInvertedResidual | UniversalBottleneck
Shortcut = Expanding | MobileAttention


def expanded_channels(block: Expanding, in_channels: int) -> int:
  """Channels inside a block."""
  return make_divisible(in_channels * block.expand_ratio)


def has_expansion(block: InvertedResidual, in_channels: int) -> bool:
  """Whether the block has its first 1x1 convolution."""
  return block.full or expanded_channels(block, in_channels) != in_channels


def squeezed_channels(block: InvertedResidual, expanded: int) -> int:
  """Channels inside a block's squeeze-and-excite; 0 without one."""
  if block.squeezed:
    return block.squeezed
  if not block.squeeze_excite:
    return 0
  return make_divisible(expanded * block.squeeze_excite)


def has_shortcut(block: Shortcut, in_channels: int) -> bool:
  """Whether the block adds its input to its output."""
  stride = getattr(block, 'stride', 1)
  return block.residual and stride == 1 and block.channels == in_channels
