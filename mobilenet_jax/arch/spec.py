"""What a network is: frozen, hashable block specs. Pure Python, no JAX.

A network is an input resolution and a tuple of blocks. In a search space some
fields hold a `OneOf` (see `oneof.py`) instead of a value; everywhere else all
fields are plain. Strides and kernels are square, padding is SAME.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from mobilenet_jax.core.errors import UserError, did_you_mean
from mobilenet_jax.core.rounding import make_divisible

ACTIVATIONS = {
  'relu': 're',
  'relu6': 'r6',
  'hard_swish': 'hs',
  'swish': 'sw',
  'linear': 'li',
}  # the name in a spec: the code in a spec string


class SpecError(UserError):
  """A spec that describes no network."""


@dataclass(frozen=True, kw_only=True)
class Conv:
  """Convolution without bias, batch norm, activation."""

  kind: ClassVar[str] = 'conv'
  kernel: int
  stride: int = 1
  channels: int
  activation: str = 'relu'


@dataclass(frozen=True, kw_only=True)
class DepthwiseSeparable:
  """Depthwise and pointwise convolution, both with norm and activation.

  MobileNetV1 (arXiv 1704.04861), section 3.1.
  """

  kind: ClassVar[str] = 'ds'
  kernel: int
  stride: int = 1
  channels: int
  activation: str = 'relu'


@dataclass(frozen=True, kw_only=True)
class InvertedResidual:
  """Expand 1x1, depthwise, squeeze-and-excite, linear project 1x1.

  MobileNetV2 (arXiv 1801.04381), section 3.3, with V3's squeeze-and-excite
  (arXiv 1905.02244, section 5.3). The expansion is left out where it would
  not widen. The shortcut is taken where stride is 1 and the widths agree,
  unless `residual` is off.

  Attributes:
    expand_ratio: expanded channels are make_divisible(in * expand_ratio).
    squeeze_excite: squeezed over expanded channels; 0 is none.
    keep: in a search space, whether the block is there at all.
  """

  kind: ClassVar[str] = 'ir'
  kernel: int
  stride: int = 1
  expand_ratio: float
  channels: int
  squeeze_excite: float = 0.0
  activation: str = 'relu'
  residual: bool = True
  keep: bool = True


@dataclass(frozen=True, kw_only=True)
class Pool:
  """Global average pooling, [N, H, W, C] to [N, C]."""

  kind: ClassVar[str] = 'pool'


@dataclass(frozen=True, kw_only=True)
class Dense:
  """Fully connected layer with bias and activation, after a `Pool`."""

  kind: ClassVar[str] = 'dense'
  channels: int
  activation: str = 'linear'


Block = Conv | DepthwiseSeparable | InvertedResidual | Pool | Dense
BlockT = TypeVar('BlockT', bound=Block)
KINDS: dict[str, type] = {
  cls.kind: cls
  for cls in (Conv, DepthwiseSeparable, InvertedResidual, Pool, Dense)
}


@dataclass(frozen=True, kw_only=True)
class ArchSpec:
  """A network: what goes in and the blocks it passes through, in order.

  Attributes:
    name: letters, digits and `_.-`; what tables and reports call it.
    resolution: height and width of the input in pixels.
    blocks: the blocks, first to last.
    in_channels: channels of the input image.
    norm_epsilon: epsilon of every batch norm.
  """

  name: str
  resolution: int
  blocks: tuple[Block, ...]
  in_channels: int = 3
  norm_epsilon: float = 1e-3

  @property
  def num_classes(self) -> int:
    """Channels of the last block that has any."""
    return next(
      b.channels for b in reversed(self.blocks) if hasattr(b, 'channels')
    )

  def replace(self, **changes: Any) -> 'ArchSpec':
    """Returns a copy with fields replaced."""
    return dataclasses.replace(self, **changes)


def expanded_channels(block: InvertedResidual, in_channels: int) -> int:
  """Channels of a block's depthwise convolution."""
  return make_divisible(in_channels * block.expand_ratio)


def has_expansion(block: InvertedResidual, in_channels: int) -> bool:
  """Whether the block has its first 1x1 convolution."""
  return expanded_channels(block, in_channels) != in_channels


def squeezed_channels(block: InvertedResidual, expanded: int) -> int:
  """Channels inside a block's squeeze-and-excite; 0 without one."""
  if not block.squeeze_excite:
    return 0
  return make_divisible(expanded * block.squeeze_excite)


def has_shortcut(block: InvertedResidual, in_channels: int) -> bool:
  """Whether the block adds its input to its output."""
  return block.residual and block.stride == 1 and block.channels == in_channels


def check(spec: ArchSpec) -> ArchSpec:
  """Returns a concrete `spec` unchanged, or says what is wrong with it.

  Raises:
    SpecError: a field has a wrong type or value, or the order of the blocks
      makes no network (a convolution after the pool, say).
  """
  if not spec.name or not all(c.isalnum() or c in '_.-' for c in spec.name):
    raise SpecError(
      f'Network name {spec.name!r} must be letters, digits and _.- only.'
    )
  _check_int('resolution', spec.resolution, spec.name, most=8192)
  _check_int('in_channels', spec.in_channels, spec.name, most=65536)
  if not 0 < spec.norm_epsilon < 1:
    raise SpecError(
      f'{spec.name}: norm_epsilon {spec.norm_epsilon!r} is not in (0, 1).'
    )
  if not 1 <= len(spec.blocks) <= 1000:
    raise SpecError(f'{spec.name}: {len(spec.blocks)} blocks; 1 to 1000 fit.')
  pooled = False
  for i, block in enumerate(spec.blocks):
    where = f'{spec.name}, block {i} ({block.kind})'
    _check_block(block, where)
    if isinstance(block, Dense) != pooled:
      rule = 'needs a pool before it' if not pooled else 'stands after the pool'
      raise SpecError(f'{where}: {rule}.')
    pooled = pooled or isinstance(block, Pool)
  return spec


def _check_block(block: Block, where: str) -> None:
  for field in dataclasses.fields(block):
    value = getattr(block, field.name)
    if field.type is int:
      _check_int(field.name, value, where, most=65536)
    elif field.type is float:
      number = isinstance(value, int | float) and not isinstance(value, bool)
      if not number or not 0 <= value <= 64:
        raise SpecError(f'{where}: {field.name} {value!r} is not in 0 to 64.')
    elif field.type is bool:
      if not isinstance(value, bool):
        raise SpecError(f'{where}: {field.name} {value!r} is not a bool.')
    elif value not in ACTIVATIONS:
      hint = did_you_mean(str(value), ACTIVATIONS)
      raise SpecError(f'{where}: unknown activation {value!r}.{hint}')


def _check_int(name: str, value: Any, where: str, *, most: int) -> None:
  whole = isinstance(value, int) and not isinstance(value, bool)
  if not whole or not 1 <= value <= most:
    raise SpecError(
      f'{where}: {name} {value!r} is not a whole number in 1 to {most}.'
    )
