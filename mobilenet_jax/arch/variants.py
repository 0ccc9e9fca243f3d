"""What every block of a space can become: a fold over its choices.

A block depends on the decisions in its own fields and on the one that sets
the channels it is given. Pricing, supernets and coverage all read this.
"""

import dataclasses
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic

from mobilenet_jax.arch.layer import BlockIO
from mobilenet_jax.arch.mobile import (
  InvertedResidual,
  has_expansion,
  has_shortcut,
)
from mobilenet_jax.arch.oneof import OneOf, open_fields, pick, resolve_block
from mobilenet_jax.arch.spec import ArchSpec, BlockT, SpecError
from mobilenet_jax.arch.window import Padding


@dataclass(frozen=True)
class BlockVariants(Generic[BlockT]):
  """A block of a space, open.

  Attributes:
    block: as it stands in the space; its fields may hold `OneOf`.
    in_size: side of its input in pixels.
    in_channels: channels of its input, a number or a `OneOf`.
    tags: the decisions that its computation depends on, in order.
    sizes: number of choices of each of `tags`.
    padding: of the space.
  """

  block: BlockT
  in_size: int
  in_channels: int | OneOf
  tags: tuple[str, ...]
  sizes: tuple[int, ...]
  padding: Padding

  @property
  def keep(self) -> bool | OneOf:
    """Whether the block is there; a `OneOf` where depth is searched."""
    return getattr(self.block, 'keep', True)

  def only(self, *fields: str) -> 'BlockVariants[BlockT]':
    """The same with other open fields of the block at their first choice."""
    fixed = {
      name: value.choices[0]
      for name, value in open_fields(self.block).items()
      if name not in fields
    }
    block = dataclasses.replace(self.block, **fixed)
    return _open_row(block, self.in_size, self.in_channels, self.padding)

  def first(self) -> tuple[BlockT, int]:
    """The block with every first choice, and the channels it is given."""
    _, block, io = next(self.each())
    return block, io.in_channels

  def each(self) -> Iterator[tuple[tuple[int, ...], BlockT, BlockIO]]:
    """Yields (index of each tag, concrete block, its shapes)."""
    for index in itertools.product(*map(range, self.sizes)):
      choice = dict(zip(self.tags, index, strict=True))
      kept = _without_keep(self.block)
      made = resolve_block(kept, choice)
      channels = pick(self.in_channels, choice)
      yield index, made, made.io(self.in_size, channels, self.padding)


def variants(space: ArchSpec) -> tuple[BlockVariants, ...]:
  """Returns what each block of a space (or of a network) can become.

  Raises:
    SpecError: a stride is searched, an optional block changes the shape, or
      whether a block has a shortcut or an expansion depends on a choice.
  """
  found = []
  size: int = space.resolution
  channels: int | OneOf = space.in_channels
  for i, block in enumerate(space.blocks):
    where = f'{space.name}, block {i} ({block.kind})'
    if isinstance(getattr(block, 'stride', 1), OneOf):
      raise SpecError(f'{where}: strides cannot be searched.')
    row = _open_row(block, size, channels, space.padding)
    _check(row, where)
    found.append(row)
    size = row.first()[0].io(size, 1, space.padding).out_size
    channels = getattr(block, 'channels', channels)
  return tuple(found)


def _open_row(
  block: BlockT, in_size: int, in_channels: int | OneOf, padding: Padding
) -> BlockVariants[BlockT]:
  deciders = (in_channels, *open_fields(_without_keep(block)).values())
  sizes = {v.tag: len(v.choices) for v in deciders if isinstance(v, OneOf)}
  return BlockVariants(
    block, in_size, in_channels, tuple(sizes), tuple(sizes.values()), padding
  )


def _without_keep(block: BlockT) -> BlockT:
  if isinstance(block, InvertedResidual):
    return dataclasses.replace(block, keep=True)
  return block


def _check(row: BlockVariants, where: str) -> None:
  if not isinstance(row.block, InvertedResidual):
    return
  made = [(block, io.in_channels) for _, block, io in row.each()]
  shortcuts = {has_shortcut(b, c) for b, c in made}
  if len(shortcuts) > 1:
    raise SpecError(
      f'{where}: its widths agree for some choices and not for others, so '
      'whether it has a shortcut is unclear; set residual=False or share the '
      'tag of the widths.'
    )
  if row.keep is not True and shortcuts != {True}:
    raise SpecError(f'{where}: an optional block needs a shortcut.')
  if len({has_expansion(b, c) for b, c in made}) > 1:
    raise SpecError(f'{where}: some of its choices have no expansion.')
