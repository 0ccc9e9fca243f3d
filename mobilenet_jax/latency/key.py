"""What a latency table is keyed by: what a block computes, canonically."""

import dataclasses
from dataclasses import dataclass

from mobilenet_jax.arch import (
  ArchSpec,
  Block,
  BlockIO,
  InvertedResidual,
  Padding,
  block_to_string,
  expanded_channels,
  has_shortcut,
  shapes,
  squeezed_channels,
)


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
    dtype: of the deployed arithmetic.
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


PLAIN_KINDS = ('conv', 'ds', 'ir', 'pool', 'dense')
PLAIN_FIELDS = (
  'kernel', 'stride', 'channels', 'activation', 'expand_ratio',
  'squeeze_excite', 'residual', 'keep',
)  # fmt: skip
FIELDS = tuple(f.name for f in dataclasses.fields(BlockKey))


def block_key(
  block: Block,
  io: BlockIO,
  dtype: str = 'float32',
  padding: Padding = 'same',
) -> BlockKey:
  """The key of a concrete block at its place."""
  cin = io.in_channels
  expanded = squeezed = 0
  shortcut = False
  if isinstance(block, InvertedResidual):
    expanded = expanded_channels(block, cin)
    squeezed = squeezed_channels(block, expanded)
    shortcut = has_shortcut(block, cin)
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
    int(shortcut),
    _detail(block, padding),
    dtype,
  )


def _detail(block: Block, padding: Padding) -> str:
  windowed = getattr(block, 'kernel', 1) > 1
  rule = ['symmetric'] if windowed and padding == 'symmetric' else []
  told = block.kind in PLAIN_KINDS and all(
    getattr(block, field.name) == field.default
    for field in dataclasses.fields(block)
    if field.name not in PLAIN_FIELDS
  )
  return ' '.join(rule if told else [block_to_string(block), *rule])


def keys(spec: ArchSpec, dtype: str = 'float32') -> tuple[BlockKey, ...]:
  """The keys of every block of a concrete spec, in order."""
  pairs = zip(spec.blocks, shapes(spec), strict=True)
  return tuple(block_key(block, io, dtype, spec.padding) for block, io in pairs)
