"""Choices inside a spec, and the fold that makes them.

A search space is an `ArchSpec` in which a `OneOf` may stand for a field of a
block, for a block itself (an operation choice; its alternatives may hold open
fields of their own) and for the resolution. A tag names a decision: everything
with the same tag is decided by the same index, each place mapping the index to
its own value. So one decision can set the width of a whole stage, or, through
`keep`, its depth:

    keep=OneOf((False, True, True), 'stage2/depth')   # its second block
    keep=OneOf((False, False, True), 'stage2/depth')  # its third block
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mobilenet_jax.arch.spec import ArchSpec, Block, BlockT, SpecError

RESOLUTION = 'resolution'  # the tag, and the name of the field
SLOT = 'block'  # what `iter_open` calls a block that is chosen


@dataclass(frozen=True)
class OneOf:
  """What is still to be decided: one of `choices`, by the decision `tag`."""

  choices: tuple
  tag: str


def one_of(tag: str, *choices: Any) -> Any:
  """Returns a `OneOf`, typed so that it may stand anywhere."""
  return OneOf(choices, tag)


def alternatives(slot: Any) -> tuple[Block, ...]:
  """The blocks that may stand in a slot of `blocks`."""
  return slot.choices if isinstance(slot, OneOf) else (slot,)


def open_fields(block: Block) -> dict[str, OneOf]:
  """The fields of a block that are still to be decided, by name."""
  values = {f.name: getattr(block, f.name) for f in dataclasses.fields(block)}
  return {name: v for name, v in values.items() if isinstance(v, OneOf)}


def iter_open(spec: ArchSpec) -> Iterator[tuple[int, str, OneOf]]:
  """Yields (block index, field name, OneOf) in order.

  The resolution comes first, with index -1; a chosen block comes before the
  fields of its alternatives, with the name 'block'.
  """
  if isinstance(spec.resolution, OneOf):
    yield -1, RESOLUTION, spec.resolution
  for i, slot in enumerate(spec.blocks):
    if isinstance(slot, OneOf):
      yield i, SLOT, slot
    for block in alternatives(slot):
      for name, value in open_fields(block).items():
        yield i, name, value


def decisions(spec: ArchSpec) -> dict[str, int]:
  """The decisions of a space, in order: number of choices by tag.

  Raises:
    SpecError: a decision has no choices, or two places share a tag but not
      the number of choices.
  """
  sizes: dict[str, int] = {}
  for i, name, value in iter_open(spec):
    where = f'{spec.name}, block {i}' if i >= 0 else spec.name
    if not value.choices:
      raise SpecError(f'{where}: {name} has no choices.')
    size = sizes.setdefault(value.tag, len(value.choices))
    if size != len(value.choices):
      raise SpecError(
        f'{where}: tag {value.tag!r} of {name} has '
        f'{len(value.choices)} choices here and {size} elsewhere.'
      )
  return sizes


def pick(value: Any, choice: Mapping[str, int]) -> Any:
  """Returns the chosen value of a `OneOf`; anything else unchanged."""
  if isinstance(value, OneOf):
    return value.choices[choice[value.tag]]
  return value


def resolve_block(block: BlockT, choice: Mapping[str, int]) -> BlockT:
  """Returns the block with its open fields decided."""
  made = {n: pick(v, choice) for n, v in open_fields(block).items()}
  return dataclasses.replace(block, **made) if made else block


def resolve(
  spec: ArchSpec, choice: Mapping[str, int], name: str | None = None
) -> ArchSpec:
  """Decodes a choice (index by tag) into a concrete spec."""
  chosen = (pick(slot, choice) for slot in spec.blocks)
  blocks = (resolve_block(block, choice) for block in chosen)
  kept = tuple(b for b in blocks if getattr(b, 'keep', True))
  return spec.replace(
    blocks=kept,
    resolution=pick(spec.resolution, choice),
    name=name or spec.name,
  )
