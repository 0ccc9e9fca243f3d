"""What a network is: an input and a tuple of blocks. Pure Python, no JAX.

In a search space a `OneOf` (see `oneof.py`) may stand for a field of a block,
for a block and for the resolution; everywhere else all is plain. Strides and
kernels are square. The kinds of blocks are in `blocks`, `mobile` and `rivals`.
"""

import dataclasses
import re
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
  SqueezeExcite,
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
MOST_CHANNELS = 65536
NAME = re.compile(r'[\w.-]+')

Block = (
  Conv | MaxPool | Pool | Flatten | Dense
  | DepthwiseSeparable | InvertedResidual | FusedInvertedResidual
  | UniversalBottleneck | MobileAttention | SqueezeExcite
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
  check_head(spec)
  if not 1 <= len(spec.blocks) <= 1000:
    raise SpecError(f'{spec.name}: {len(spec.blocks)} blocks; 1 to 1000 fit.')
  pooled = False
  size, channels = spec.resolution, spec.in_channels
  for i, block in enumerate(spec.blocks):
    where = f'{spec.name}, block {i} ({block.kind})'
    check_block(block, where)
    pooled = check_order(block, pooled, where)
    try:
      io = block.io(size, channels, spec.padding)
    except ValueError as error:
      raise SpecError(f'{where}: {error}.') from error
    check_place(block, io, where)
    size, channels = io.out_size, io.out_channels
  if not any(hasattr(block, 'channels') for block in spec.blocks):
    raise SpecError(
      f'{spec.name} has no layer that makes classes, such as dense_c10_li.'
    )
  return spec


def check_order(block: Block, pooled: bool, where: str) -> bool:
  """Whether there is a vector, no image, after a block; before it: `pooled`.

  Raises:
    SpecError: the block wants the other of the two.
  """
  if isinstance(block, Dense) != pooled:
    rule = 'needs a pool before it' if not pooled else 'stands after the pool'
    raise SpecError(f'{where}: {rule}.')
  return pooled or isinstance(block, Pool | Flatten)


def check_head(spec: ArchSpec) -> None:
  """Raises a `SpecError` where anything but its blocks is wrong."""
  name = spec.name
  if not isinstance(name, str) or not NAME.fullmatch(name):
    raise SpecError(
      f'Network name {name!r} must be letters, digits and _.- only.'
    )
  check_int('resolution', spec.resolution, spec.name, most=8192)
  check_int('in_channels', spec.in_channels, spec.name)
  if not is_number(spec.norm_epsilon) or not 0 < spec.norm_epsilon < 1:
    raise SpecError(
      f'{spec.name}: norm_epsilon {spec.norm_epsilon!r} is not in (0, 1).'
    )
  if spec.padding not in PADDINGS:
    raise SpecError(
      f'{spec.name}: padding {spec.padding!r} is not same or symmetric.'
    )
  check_bool('background', spec.background, spec.name)
  _check_inputs(spec.inputs, spec.name)


def _check_inputs(inputs: Inputs, where: str) -> None:
  for name, least in (('mean', '0'), ('std', 'more than 0')):
    values = getattr(inputs, name)
    if (
      not isinstance(values, tuple)
      or len(values) != 3
      or not all(is_number(n) and 0 <= n <= 1 for n in values)
      or (name == 'std' and not all(values))
    ):
      raise SpecError(
        f'{where}: {name} {values!r} is not three numbers, {least} to 1.'
      )
  if not is_number(inputs.crop) or not 0 < inputs.crop <= 1:
    raise SpecError(f'{where}: crop {inputs.crop!r} is not in (0, 1].')
  check_bool('squash', inputs.squash, where)
  if inputs.interpolation not in INTERPOLATIONS:
    hint = did_you_mean(str(inputs.interpolation), INTERPOLATIONS)
    raise SpecError(f'{where}: no {inputs.interpolation!r} resize.{hint}')


def check_block(block: Block, where: str) -> None:
  """Raises a `SpecError` where a field of a concrete block is out of range."""
  for field in dataclasses.fields(block):
    value, rule = getattr(block, field.name), field.metadata
    if 'words' in rule:
      if not isinstance(value, str) or value not in rule['words']:
        hint = did_you_mean(str(value), rule['words'])
        raise SpecError(f'{where}: unknown {field.name} {value!r}.{hint}')
    elif field.type is bool:
      check_bool(field.name, value, where)
    elif field.type is float:
      if not is_number(value) or not rule['least'] <= value <= rule['most']:
        raise SpecError(
          f'{where}: {field.name} {value!r} is not in {rule["least"]} to '
          f'{rule["most"]}.'
        )
    elif value is not None or not isinstance(field.type, types.UnionType):
      check_int(
        field.name, value, where, least=rule['least'], most=rule['most']
      )


def check_place(block: Block, io: BlockIO, where: str) -> None:
  """Raises a `SpecError` where a checked block cannot stand where it does."""
  fault = block.fault(io)
  if fault:
    raise SpecError(f'{where}: {fault}.')
  # an expansion may be far wider than any field of the block says
  for layer in block.layers(io):
    if layer.out_channels > MOST_CHANNELS:
      raise SpecError(
        f'{where}: {layer.out_channels} channels inside it; at most '
        f'{MOST_CHANNELS} fit.'
      )


def is_number(value: Any) -> bool:
  """Whether a value is a number; a bool is none."""
  return isinstance(value, int | float) and not isinstance(value, bool)


def check_bool(name: str, value: Any, where: str) -> None:
  """Raises a `SpecError` where a value is neither True nor False."""
  if not isinstance(value, bool):
    raise SpecError(f'{where}: {name} {value!r} is not a bool.')


def check_int(
  name: str,
  value: Any,
  where: str,
  *,
  least: float = 1,
  most: float = MOST_CHANNELS,
) -> None:
  """Raises a `SpecError` where a value is no whole number of a range."""
  whole = isinstance(value, int) and not isinstance(value, bool)
  if not whole or not least <= value <= most:
    raise SpecError(
      f'{where}: {name} {value!r} is not a whole number in {least} to {most}.'
    )
