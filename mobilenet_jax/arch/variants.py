"""What every block of a space can become: a fold over its choices.

A block depends on the decisions in its own fields, on the one that sets the
channels it is given, and on the resolution. Whether it is there depends on the
alternative that is chosen for its slot, and on its `keep`. Pricing, supernets
and coverage all read this.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from mobilenet_jax.arch.layer import BlockIO
from mobilenet_jax.arch.mobile import (
  InvertedResidual,
  Shortcut,
  has_expansion,
  has_shortcut,
)
from mobilenet_jax.arch.oneof import (
  OneOf,
  alternatives,
  decisions,
  open_fields,
  pick,
  resolve_block,
)
from mobilenet_jax.arch.spec import ArchSpec, BlockT, SpecError
from mobilenet_jax.arch.window import Padding

MOST_VARIANTS = 100_000  # of one block; all of them are looked at
WINDOW = ('kernel', 'start_kernel', 'dilation', 'padding', 'ceil')


@dataclass(frozen=True)
class BlockVariants(Generic[BlockT]):
  """A block of a space, open.

  Attributes:
    block: as it stands in the space; its fields may hold `OneOf`.
    in_size: side of its input in pixels, a number or a `OneOf`.
    in_channels: channels of its input, a number or a `OneOf`.
    tags: the decisions that its computation depends on, in order.
    sizes: number of choices of each of `tags`.
    padding: of the space.
    index: of its slot in the space.
    number: of the alternative of its slot that it is.
    conditions: `OneOf`s of bools, each of another decision: the block is
      there where all that is chosen of them is true.
  """

  block: BlockT
  in_size: int | OneOf
  in_channels: int | OneOf
  tags: tuple[str, ...]
  sizes: tuple[int, ...]
  padding: Padding
  index: int = 0
  number: int = 0
  conditions: tuple[OneOf, ...] = ()

  @property
  def keep(self) -> bool | OneOf:
    """Its own `keep`: a `OneOf` where depth is searched."""
    return getattr(self.block, 'keep', True)

  def only(self, *fields: str) -> 'BlockVariants[BlockT]':
    """The same with other open fields of the block at their first choice."""
    fixed = {
      name: value.choices[0]
      for name, value in open_fields(self.block).items()
      if name not in fields
    }
    block = dataclasses.replace(self.block, **fixed)
    return open_row(block, self)

  def first(self) -> tuple[BlockT, int]:
    """The block with every first choice, and the channels it is given."""
    _, block, io = next(self.each())
    return block, io.in_channels

  def each(self) -> Iterator[tuple[tuple[int, ...], BlockT, BlockIO]]:
    """Yields (index of each tag, concrete block, its shapes)."""
    kept = _without_keep(self.block)
    own = {value.tag for value in open_fields(kept).values()}
    made_of: dict[tuple[int, ...], BlockT] = {}  # at every size and width
    for index in itertools.product(*map(range, self.sizes)):
      choice = dict(zip(self.tags, index, strict=True))
      key = tuple(n for tag, n in choice.items() if tag in own)
      if key not in made_of:
        made_of[key] = resolve_block(kept, choice)
      made = made_of[key]
      size = pick(self.in_size, choice)
      channels = pick(self.in_channels, choice)
      yield index, made, made.io(size, channels, self.padding)


@functools.lru_cache(maxsize=64)
def variants(space: ArchSpec) -> tuple[BlockVariants, ...]:
  """Returns what each block of a space (or of a network) can become.

  A slot with a choice of blocks has a row for each of its alternatives; an
  alternative that is never there (`keep=False`: the input passes) has none.

  Raises:
    SpecError: tags disagree, a stride is searched, the alternatives of a slot
      differ in their shapes, an optional block changes the shape, or whether a
      block has a shortcut or an expansion depends on other choices; or there
      are too many of them.
  """
  decisions(space)
  found: list[BlockVariants] = []
  size: int | OneOf = space.resolution
  channels: int | OneOf = space.in_channels
  for i, slot in enumerate(space.blocks):
    blocks = alternatives(slot)
    place = BlockVariants(blocks[0], size, channels, (), (), space.padding, i)
    rows = [
      open_row(
        block, dataclasses.replace(place, number=n), _conditions(slot, n)
      )
      for n, block in enumerate(blocks)
    ]
    names = [_name(space, slot, i, n) for n in range(len(rows))]
    outs = []
    for row, where in zip(rows, names, strict=True):
      outs.append(_check(row, where))
    _check_slot(slot, outs, names)
    size, channels = outs[0]
    found += [row for row in rows if _possible(row)]
  return tuple(found)


def open_row(
  block: BlockT,
  place: BlockVariants,
  conditions: tuple[OneOf, ...] | None = None,
) -> BlockVariants[BlockT]:
  """A block at a place of a space, with the decisions that it depends on."""
  fields = open_fields(_without_keep(block)).values()
  deciders = (place.in_size, place.in_channels, *fields)
  sizes = {v.tag: len(v.choices) for v in deciders if isinstance(v, OneOf)}
  return dataclasses.replace(
    place,
    block=block,
    tags=tuple(sizes),
    sizes=tuple(sizes.values()),
    conditions=place.conditions if conditions is None else conditions,
  )


def _conditions(slot: Any, number: int) -> tuple[OneOf, ...]:
  """When an alternative of a slot is there: one mask a decision."""
  wanted = []
  if isinstance(slot, OneOf):
    mask = tuple(n == number for n in range(len(slot.choices)))
    wanted.append(OneOf(mask, slot.tag))
  keep = getattr(alternatives(slot)[number], 'keep', True)
  if isinstance(keep, OneOf):
    wanted.append(keep)
  masks: dict[str, tuple[bool, ...]] = {}
  for one in wanted:
    before = masks.get(one.tag, (True,) * len(one.choices))
    masks[one.tag] = tuple(
      bool(a and b) for a, b in zip(before, one.choices, strict=True)
    )
  return tuple(OneOf(m, tag) for tag, m in masks.items() if not all(m))


def _possible(row: BlockVariants) -> bool:
  return row.keep is not False and all(any(c.choices) for c in row.conditions)


def _without_keep(block: BlockT) -> BlockT:
  if getattr(block, 'keep', True) is not True:
    return dataclasses.replace(block, keep=True)
  return block


def _name(space: ArchSpec, slot: Any, index: int, number: int) -> str:
  which = f', alternative {number}' if isinstance(slot, OneOf) else ''
  kind = alternatives(slot)[number].kind
  return f'{space.name}, block {index}{which} ({kind})'


def _check(row: BlockVariants, where: str) -> tuple[int | OneOf, int | OneOf]:
  """Returns the side and the channels of its output.

  Raises:
    SpecError: see `variants`.
  """
  if isinstance(getattr(row.block, 'stride', 1), OneOf):
    raise SpecError(f'{where}: strides cannot be searched.')
  if math.prod(row.sizes) > MOST_VARIANTS:
    raise SpecError(
      f'{where}: {math.prod(row.sizes):,} variants; at most {MOST_VARIANTS:,} '
      'fit.'
    )
  try:
    size = _out_size(row, where)
  except ValueError as error:
    if isinstance(error, SpecError):
      raise
    raise SpecError(f'{where}: {error}.') from error
  channels = _out_channels(row, where)
  same = size == row.in_size and channels == row.in_channels
  if row.keep is not True and not same:
    raise SpecError(
      f'{where}: an optional block must leave the shape as it is, with stride '
      '1 and as many channels out as in.'
    )
  if isinstance(row.block, Shortcut):
    _check_shortcut(row, where)
  return size, channels


def _check_shortcut(row: BlockVariants, where: str) -> None:
  narrow = row.only('expand_ratio', 'channels', 'residual')
  made = [(block, io.in_channels) for _, block, io in narrow.each()]
  if len({has_shortcut(b, c) for b, c in made if b.residual}) > 1:
    raise SpecError(
      f'{where}: its widths agree for some choices and not for others, so '
      'whether it has a shortcut is unclear; set residual=False or share the '
      'tag of the widths.'
    )
  if not isinstance(row.block, InvertedResidual):
    return
  if len({has_expansion(b, c) for b, c in made}) > 1:
    raise SpecError(f'{where}: some of its choices have no expansion.')


def _out_size(row: BlockVariants, where: str) -> int | OneOf:
  """The side of its output; its window must not change it."""
  narrow = row.only(*WINDOW)
  first = dataclasses.replace(narrow, in_channels=1)
  found = set()
  if not isinstance(row.in_size, OneOf):
    found = {io.out_size for _, _, io in open_row(first.block, first).each()}
  else:
    sides = [
      {io.out_size for _, _, io in open_row(first.block, at).each()}
      for at in (
        dataclasses.replace(first, in_size=side) for side in row.in_size.choices
      )
    ]
    if all(len(side) == 1 for side in sides):
      outs = tuple(side.pop() for side in sides)
      same = len(set(outs)) == 1
      return outs[0] if same else OneOf(outs, row.in_size.tag)
  if len(found) != 1:
    raise SpecError(
      f'{where}: the size of its output depends on what is chosen for its '
      'window; only sizes that give the same can be searched.'
    )
  return found.pop()


def _out_channels(row: BlockVariants, where: str) -> int | OneOf:
  """The channels of its output."""
  if hasattr(row.block, 'channels'):
    return row.block.channels
  if open_fields(_without_keep(row.block)):
    found = {(io.in_channels, io.out_channels) for _, _, io in row.each()}
    if len(found) > len({cin for cin, _ in found}):
      raise SpecError(
        f'{where}: the width of this kind of block cannot be searched.'
      )
  given = row.in_channels
  block = row.first()[0]
  widths = given.choices if isinstance(given, OneOf) else (given,)
  size = (
    row.in_size.choices[0] if isinstance(row.in_size, OneOf) else row.in_size
  )
  made = tuple(block.io(size, c, row.padding).out_channels for c in widths)
  return OneOf(made, given.tag) if isinstance(given, OneOf) else made[0]


def _check_slot(
  slot: Any, outs: Sequence[tuple[Any, Any]], names: Sequence[str]
) -> None:
  """Raises a `SpecError` where alternatives cannot stand for each other."""
  if not isinstance(slot, OneOf):
    return
  for out, where in zip(outs, names, strict=True):
    for what, mine, first in zip(
      ('size', 'channels'), out, outs[0], strict=True
    ):
      if mine != first:
        raise SpecError(
          f'{where}: the {what} of its output, {_short(mine)}, differs from '
          f'{_short(first)} of alternative 0.'
        )
  keeps = [getattr(block, 'keep', True) for block in slot.choices]
  free = {k for k in keeps if not (isinstance(k, OneOf) and k.tag == slot.tag)}
  if len(free) > 1 and any(isinstance(k, OneOf) for k in free):
    other = next(n for n, k in enumerate(keeps) if k != keeps[0])
    raise SpecError(
      f'{names[other]}: keep differs from that of alternative 0; where keep is '
      'searched, all alternatives share it.'
    )


def _short(value: Any) -> str:
  if isinstance(value, OneOf):
    return f'one of {value.choices} by {value.tag!r}'
  return str(value)
