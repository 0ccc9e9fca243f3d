"""Whether an open spec is a search space: every choice of it a network."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from mobilenet_jax.arch.blocks import BaseBlock
from mobilenet_jax.arch.oneof import (
  RESOLUTION,
  OneOf,
  alternatives,
  decisions,
  iter_open,
  open_fields,
)
from mobilenet_jax.arch.spec import (
  ArchSpec,
  Block,
  SpecError,
  check_block,
  check_head,
  check_order,
  check_place,
)
from mobilenet_jax.arch.variants import variants

MOST_NETWORK_BLOCKS = 1000


def check_space(spec: ArchSpec) -> ArchSpec:
  """Returns an open `spec` unchanged, or says what is wrong with it.

  Raises:
    SpecError: a slot holds no block, a choice is out of the range of its
      field, tags disagree, or the choices do not go together; the block and
      the field are named.
  """
  if not isinstance(spec.blocks, tuple):
    raise SpecError(f'{spec.name}: blocks {spec.blocks!r} is not a tuple.')
  if not 1 <= len(spec.blocks) <= MOST_NETWORK_BLOCKS:
    raise SpecError(
      f'{spec.name}: {len(spec.blocks)} blocks; 1 to {MOST_NETWORK_BLOCKS} fit.'
    )
  for i, slot in enumerate(spec.blocks):
    _check_slot(slot, f'{spec.name}, block {i}')
  for i, name, value in iter_open(spec):
    _check_open(value, name, f'{spec.name}, block {i}' if i >= 0 else spec.name)
  decisions(spec)
  _check_outside(spec)
  pooled = False
  for where, block in _blocks(spec):
    _check_fields(block, where)
  for i, slot in enumerate(spec.blocks):
    after = {
      check_order(b, pooled, f'{spec.name}, block {i} ({b.kind})')
      for b in alternatives(slot)
    }
    pooled = after.pop()
  for row in variants(spec):
    where = f'{spec.name}, block {row.index} ({row.block.kind})'
    for _, block, io in row.each():
      check_place(block, io, where)
  if isinstance(spec.blocks[-1], OneOf) or not hasattr(
    spec.blocks[-1], 'channels'
  ):
    raise SpecError(f'{spec.name}: its last block makes no classes.')
  return spec


def _blocks(spec: ArchSpec) -> Iterator[tuple[str, Block]]:
  for i, slot in enumerate(spec.blocks):
    for n, block in enumerate(alternatives(slot)):
      which = f', alternative {n}' if isinstance(slot, OneOf) else ''
      yield f'{spec.name}, block {i}{which} ({block.kind})', block


def _check_slot(slot: Any, where: str) -> None:
  choices = slot.choices if isinstance(slot, OneOf) else (slot,)
  if not isinstance(choices, tuple):
    raise SpecError(f'{where}: its choices {choices!r} are not a tuple.')
  for block in choices:
    if not isinstance(block, BaseBlock):
      raise SpecError(f'{where}: {block!r} is no block.')


def _check_open(value: OneOf, name: str, where: str) -> None:
  if not isinstance(value.choices, tuple):
    raise SpecError(
      f'{where}: the choices {value.choices!r} of {name} are not a tuple.'
    )
  if not isinstance(value.tag, str) or not value.tag:
    raise SpecError(f'{where}: the tag {value.tag!r} of {name} is no name.')
  if (value.tag == RESOLUTION) != (name == RESOLUTION):
    raise SpecError(
      f'{where}: the tag of {name} is {value.tag!r}; {RESOLUTION!r} is the tag '
      'of the resolution, and of nothing else.'
    )


def _check_outside(spec: ArchSpec) -> None:
  """Checks all but the blocks."""
  sizes = spec.resolution
  for size in sizes.choices if isinstance(sizes, OneOf) else (sizes,):
    check_head(spec.replace(resolution=size))


def _check_fields(block: Block, where: str) -> None:
  """Checks every choice of every field."""
  opened = open_fields(block)
  first = {name: value.choices[0] for name, value in opened.items()}
  closed = dataclasses.replace(block, **first)
  check_block(closed, where)
  for name, value in opened.items():
    for chosen in value.choices[1:]:
      check_block(dataclasses.replace(closed, **{name: chosen}), where)
