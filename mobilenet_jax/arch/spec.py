"""What a network is: an input and a tuple of blocks. Pure Python, no JAX.

In a search space some fields of blocks hold a `OneOf` (see `oneof.py`)
instead of a value; everywhere else all fields are plain. Strides and kernels
are square. The kinds of blocks are in `blocks`, `mobile` and `rivals`.
"""

import dataclasses
import types
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from mobilenet_jax.arch.blocks import Conv, Dense, Flatten, MaxPool, Pool
from mobilenet_jax.arch.inputs import INTERPOLATIONS, TENSORFLOW, Inputs
from mobilenet_jax.arch.layer import BlockIO
from mobilenet_jax.arch.mobile import (
  DepthwiseSeparable,
  FusedInvertedResidual,
  InvertedResidual,
  MobileAttention,
  UniversalBottleneck,
)
from mobilenet_jax.arch.rivals import (
  Bottleneck,
  Fire,
  Inception,
  ShuffleUnit,
  SplitShuffleUnit,
)
from mobilenet_jax.arch.window import Padding
from mobilenet_jax.core.errors import UserError, did_you_mean

PADDINGS = ('same', 'symmetric')

Block = (
  Conv | MaxPool | Pool | Flatten | Dense
  | DepthwiseSeparable | InvertedResidual | FusedInvertedResidual
  | UniversalBottleneck | MobileAttention
  | Fire | ShuffleUnit | SplitShuffleUnit | Inception | Bottleneck
)  # fmt: skip
BlockT = TypeVar('BlockT', bound=Block)
KINDS: dict[str, type] = {cls.kind: cls for cls in get_args(Block)}


class SpecError(UserError):
  """A spec that describes no network."""


@dataclass(frozen=True, kw_only=True)
class ArchSpec:
  """A network: what goes in and the blocks it passes through, in order.

  Attributes:
    name: letters, digits and `_.-`; what tables and reports call it.
    resolution: height and width of the input in pixels.
    blocks: the blocks, first to last.
    in_channels: channels of the input image.
    norm_epsilon: epsilon of every batch norm.
    padding: 'same' as in TensorFlow or 'symmetric' as in PyTorch; where they
      differ, the same weights do not mean the same network.
    background: whether class 0 is 'background', as in TensorFlow's models.
    inputs: how images are prepared.
  """

  name: str
  resolution: int
  blocks: tuple[Block, ...]
  in_channels: int = 3
  norm_epsilon: float = 1e-3
  padding: Padding = 'same'
  background: bool = False
  inputs: Inputs = TENSORFLOW

  @property
  def num_classes(self) -> int:
    """Channels of the last block that has any."""
    return next(
      b.channels for b in reversed(self.blocks) if hasattr(b, 'channels')
    )

  def replace(self, **changes: Any) -> 'ArchSpec':
    """Returns a copy with fields replaced."""
    return dataclasses.replace(self, **changes)


def shapes(spec: ArchSpec) -> tuple[BlockIO, ...]:
  """Shapes of every block of a concrete spec, in order."""
  found = []
  size, channels = spec.resolution, spec.in_channels
  for block in spec.blocks:
    io = block.io(size, channels, spec.padding)
    found.append(io)
    size, channels = io.out_size, io.out_channels
  return tuple(found)


def check(spec: ArchSpec) -> ArchSpec:
  """Returns a concrete `spec` unchanged, or says what is wrong with it.

  Raises:
    SpecError: a field has a wrong type or value, or the order of the blocks
      makes no network (a convolution after the pool, say).
  """
  _check_head(spec)
  if not 1 <= len(spec.blocks) <= 1000:
    raise SpecError(f'{spec.name}: {len(spec.blocks)} blocks; 1 to 1000 fit.')
  pooled = False
  size, channels = spec.resolution, spec.in_channels
  for i, block in enumerate(spec.blocks):
    where = f'{spec.name}, block {i} ({block.kind})'
    _check_block(block, where)
    if isinstance(block, Dense) != pooled:
      rule = 'needs a pool before it' if not pooled else 'stands after the pool'
      raise SpecError(f'{where}: {rule}.')
    pooled = pooled or isinstance(block, Pool | Flatten)
    try:
      io = block.io(size, channels, spec.padding)
    except ValueError as error:
      raise SpecError(f'{where}: {error}.') from error
    fault = block.fault(io)
    if fault:
      raise SpecError(f'{where}: {fault}.')
    size, channels = io.out_size, io.out_channels
  return spec


def _check_head(spec: ArchSpec) -> None:
  if not spec.name or not all(c.isalnum() or c in '_.-' for c in spec.name):
    raise SpecError(
      f'Network name {spec.name!r} must be letters, digits and _.- only.'
    )
  _check_int('resolution', spec.resolution, spec.name, most=8192)
  _check_int('in_channels', spec.in_channels, spec.name)
  if not 0 < spec.norm_epsilon < 1:
    raise SpecError(
      f'{spec.name}: norm_epsilon {spec.norm_epsilon!r} is not in (0, 1).'
    )
  if spec.padding not in PADDINGS:
    raise SpecError(
      f'{spec.name}: padding {spec.padding!r} is not same or symmetric.'
    )
  inputs = spec.inputs
  numbers = (*inputs.mean, *inputs.std)
  if len(numbers) != 6 or not all(0 <= n <= 1 for n in numbers):
    raise SpecError(f'{spec.name}: mean and std are three numbers in 0 to 1.')
  if not all(inputs.std) or not 0 < inputs.crop <= 1:
    raise SpecError(
      f'{spec.name}: std and crop are more than 0, crop at most 1.'
    )
  if inputs.interpolation not in INTERPOLATIONS:
    hint = did_you_mean(str(inputs.interpolation), INTERPOLATIONS)
    raise SpecError(f'{spec.name}: no {inputs.interpolation!r} resize.{hint}')


def _check_block(block: Block, where: str) -> None:
  for field in dataclasses.fields(block):
    value, rule = getattr(block, field.name), field.metadata
    if 'words' in rule:
      if value not in rule['words']:
        hint = did_you_mean(str(value), rule['words'])
        raise SpecError(f'{where}: unknown {field.name} {value!r}.{hint}')
    elif field.type is bool:
      if not isinstance(value, bool):
        raise SpecError(f'{where}: {field.name} {value!r} is not a bool.')
    elif field.type is float:
      number = isinstance(value, int | float) and not isinstance(value, bool)
      if not number or not rule['least'] <= value <= rule['most']:
        raise SpecError(
          f'{where}: {field.name} {value!r} is not in {rule["least"]} to '
          f'{rule["most"]}.'
        )
    elif value is not None or not isinstance(field.type, types.UnionType):
      _check_int(
        field.name, value, where, least=rule['least'], most=rule['most']
      )


def _check_int(
  name: str, value: Any, where: str, *, least: float = 1, most: float = 65536
) -> None:
  whole = isinstance(value, int) and not isinstance(value, bool)
  if not whole or not least <= value <= most:
    raise SpecError(
      f'{where}: {name} {value!r} is not a whole number in {least} to {most}.'
    )
