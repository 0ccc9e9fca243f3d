"""What a latency table is keyed by: what a block computes, canonically."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from mobilenet_jax.arch import (
  ArchSpec,
  Block,
  BlockIO,
  Conv,
  Dense,
  DepthwiseSeparable,
  FusedInvertedResidual,
  InvertedResidual,
  MobileAttention,
  Padding,
  Pool,
  SqueezeExcite,
  UniversalBottleneck,
  block_from_string,
  block_to_string,
  expanded_channels,
  has_expansion,
  has_shortcut,
  shapes,
  squeezed_channels,
)
from mobilenet_jax.core.errors import UserError

DTYPES = ('float32', 'float16', 'bfloat16', 'int8')


@dataclass(frozen=True, order=True)
class BlockKey:
  """One block, as the device sees it: equal keys cost the same.

  Channels that a ratio gives are written as channels, and fields that a kind
  does not have are 0 or ''.

  Attributes:
    kind: of `arch.spec.KINDS`.
    in_size, in_channels, out_channels: pixels and channels.
    kernel, stride: of the spatial convolution.
    expanded: channels of an inverted residual's depthwise convolution.
    squeezed: channels inside squeeze-and-excite; 0 is none.
    activation: of `arch.spec.ACTIVATIONS`.
    shortcut: 1 where the input is added to the output.
    detail: the block's token, and 'symmetric' padding, where the fields above
      do not say all of it.
    dtype: of the deployed arithmetic, of `DTYPES`.
  """

  kind: str
  in_size: int
  in_channels: int
  out_channels: int
  kernel: int = 0
  stride: int = 0
  expanded: int = 0
  squeezed: int = 0
  activation: str = ''
  shortcut: int = 0
  detail: str = ''
  dtype: str = 'float32'

  def __str__(self) -> str:
    text = (
      f'{self.kind} {self.in_size}x{self.in_size}x{self.in_channels}'
      f'->{self.out_channels}'
    )
    marks = {'kernel': 'k', 'stride': 's', 'expanded': 'x', 'squeezed': 'se'}
    for name, mark in marks.items():
      if getattr(self, name):
        text += f' {mark}{getattr(self, name)}'
    skip = ' skip' if self.shortcut else ''
    detail = f' {self.detail}' if self.detail else ''
    text = f'{text} {self.activation}'.rstrip()
    return f'{text}{skip}{detail} {self.dtype}'

  @property
  def padding(self) -> Padding:
    """Of its network, where that matters; else 'same'."""
    return 'symmetric' if self.detail.endswith('symmetric') else 'same'


FIELDS = tuple(f.name for f in dataclasses.fields(BlockKey))
# what the fields of a key say of a block of these kinds
TOLD = {
  'conv': ('kernel', 'stride', 'channels', 'activation'),
  'ds': ('kernel', 'stride', 'channels', 'activation'),
  'ir': (
    'kernel', 'stride', 'channels', 'activation', 'expand_ratio', 'squeezed',
    'residual', 'keep',
  ),
  'pool': (),
  'dense': ('channels', 'activation'),
}  # fmt: skip

EXPANDING = (InvertedResidual, FusedInvertedResidual, UniversalBottleneck)
SHORTCUTS = (*EXPANDING, MobileAttention)


def block_key(
  block: Block,
  io: BlockIO,
  dtype: str = 'float32',
  padding: Padding = 'same',
) -> BlockKey:
  """The key of a concrete block at its place."""
  cin = io.in_channels
  block = canonical(block, cin)
  expanded = squeezed = shortcut = 0
  if isinstance(block, InvertedResidual):
    expanded, squeezed = expanded_channels(block, cin), block.squeezed
    shortcut = int(has_shortcut(block, cin))
  return BlockKey(
    block.kind,
    io.in_size,
    cin,
    io.out_channels,
    getattr(block, 'kernel', 0),
    getattr(block, 'stride', 0),
    expanded,
    squeezed,
    getattr(block, 'activation', ''),
    shortcut,
    _detail(block, padding),
    dtype,
  )


def keys(spec: ArchSpec, dtype: str = 'float32') -> tuple[BlockKey, ...]:
  """The keys of every block of a concrete spec, in order."""
  pairs = zip(spec.blocks, shapes(spec), strict=True)
  return tuple(block_key(block, io, dtype, spec.padding) for block, io in pairs)


def canonical(block: Block, in_channels: int) -> Block:
  """The one block that stands for all that compute the same there.

  Ratios are those that the channels have, a shortcut that cannot be is left
  out, and a deployed batch norm is a bias.
  """
  if isinstance(block, Conv) and not block.norm:
    return dataclasses.replace(block, norm=True)
  if isinstance(block, Dense) and block.norm:
    return dataclasses.replace(block, norm=False)
  if isinstance(block, SqueezeExcite) and block.gate == 'hard_sigmoid':
    return dataclasses.replace(block, activation='relu')  # whatever it says
  if isinstance(block, SHORTCUTS):
    could = dataclasses.replace(block, residual=True)
    taken = has_shortcut(block, in_channels)
    idle = not has_shortcut(could, in_channels)
    block = dataclasses.replace(block, residual=taken or idle)
  if isinstance(block, EXPANDING):
    wide = expanded_channels(block, in_channels)
    block = dataclasses.replace(block, expand_ratio=wide / in_channels)
  if isinstance(block, InvertedResidual):
    block = dataclasses.replace(block, **_middle(block, in_channels))
  return block


def _middle(block: InvertedResidual, in_channels: int) -> dict[str, Any]:
  wide = expanded_channels(block, in_channels)
  thin = squeezed_channels(block, wide)
  return {
    'squeezed': thin,
    'squeeze_excite': 0.0,
    'gate': block.gate if thin else 'hard_sigmoid',
    'full': wide == in_channels and has_expansion(block, in_channels),
    'keep': True,
  }


def _detail(block: Block, padding: Padding) -> str:
  told = block.kind in TOLD and all(
    getattr(block, field.name) == field.default
    for field in dataclasses.fields(block)
    if field.name not in TOLD[block.kind]
  )
  words = [] if told else [block_to_string(block)]
  if padding == 'symmetric' and _padding_matters(block):
    words.append('symmetric')
  return ' '.join(words)


def _padding_matters(block: Block) -> bool:
  """Whether the two rules differ: not at stride 1 with an odd kernel."""
  stride = max(getattr(block, 'stride', 1), getattr(block, 'kv_stride', 1))
  kernel = getattr(block, 'kernel', 1)
  window = max(kernel, getattr(block, 'start_kernel', 0)) > 1
  own = getattr(block, 'padding', None) is not None
  return window and (stride > 1 or kernel % 2 == 0) and not own


def block_of(key: BlockKey) -> Block:
  """The canonical block that has this key at its place.

  Raises:
    UserError: its detail is no block, or lacks where its kind needs one.
  """
  words = key.detail.split()
  if words and words[0] != 'symmetric':
    return block_from_string(words[0])
  spatial = {'kernel': key.kernel, 'stride': key.stride}
  common = {'channels': key.out_channels, 'activation': key.activation}
  match key.kind:
    case 'conv':
      return Conv(**spatial, **common)
    case 'ds':
      return DepthwiseSeparable(**spatial, **common)
    case 'ir':
      return InvertedResidual(
        **spatial,
        **common,
        expand_ratio=key.expanded / key.in_channels,
        squeezed=key.squeezed,
        residual=bool(key.shortcut) or not _could_skip(key),
      )
    case 'dense':
      return Dense(**common)
    case 'pool':
      return Pool()
  raise UserError(f'a {key.kind} needs its token as detail')


def _could_skip(key: BlockKey) -> bool:
  return key.stride == 1 and key.in_channels == key.out_channels


def io_of(key: BlockKey) -> BlockIO:
  """The shapes of a key's block."""
  return block_of(key).io(key.in_size, key.in_channels, key.padding)
