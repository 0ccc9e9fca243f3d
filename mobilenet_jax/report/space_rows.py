"""A space as rows to be drawn: slots that are alike are one row."""

import dataclasses
import itertools
from dataclasses import dataclass
from typing import Any

from mobilenet_jax.arch import Block, OneOf, alternatives, variants
from mobilenet_jax.report.blocks import ACTIVATIONS
from mobilenet_jax.report.units import TIMES
from mobilenet_jax.space import SearchSpace
from mobilenet_jax.space.words import in_words

# what is drawn of a block, in columns: title, fields
COLUMNS: dict[str, tuple[str, ...]] = {
  'kernel': ('start_kernel', 'kernel'),
  'expansion': ('expand_ratio',),
  'SE': ('squeeze_excite',),
  'activation': ('activation',),
  'channels': ('channels',),
  'shortcut': ('residual',),
}
KINDS = {
  'conv': 'convolution', 'ds': 'separable', 'ir': 'inverted residual',
  'fused': 'fused inverted residual', 'uib': 'universal bottleneck',
  'mqa': 'attention', 'pool': 'average pool', 'dense': 'dense', 'se': 'SE',
  'max': 'max pool', 'flat': 'flatten',
}  # fmt: skip
AGAIN = 'operation as above'  # where one decision chooses for several slots


@dataclass(frozen=True)
class Choice:
  """A field of a block as it is drawn.

  Attributes:
    words: what may be chosen, or the only one.
    tag: of the decision; '' where nothing is decided.
  """

  words: tuple[str, ...]
  tag: str = ''


@dataclass(frozen=True)
class SlotRow:
  """Slots in a row that offer the same.

  Attributes:
    first, last: their indices.
    kinds: of each alternative, its kind and what is chosen of it by column.
    size: side of the output, in words.
    stride: of the first.
    optional: whether they may be left out.
  """

  first: int
  last: int
  kinds: tuple[tuple[str, dict[str, tuple[Choice, ...]]], ...]
  size: str
  stride: int
  optional: bool


def slot_rows(space: SearchSpace) -> list[SlotRow]:
  """The slots of a space, from the input on."""
  sizes = _out_sizes(space)
  rows, chosen = [], set()
  for i, slot in enumerate(space.spec.blocks):
    again = isinstance(slot, OneOf) and slot.tag in chosen
    rows.append(_row(i, slot, sizes[i], again))
    if isinstance(slot, OneOf):
      chosen.add(slot.tag)
  groups = itertools.groupby(rows, key=_look)
  return [_merged(list(group)) for _, group in groups]


def _out_sizes(space: SearchSpace) -> dict[int, str]:
  found: dict[int, set[int]] = {}
  for row in variants(space.spec):
    sides = (
      row.in_size.choices if isinstance(row.in_size, OneOf) else (row.in_size,)
    )
    block = row.first()[0]
    outs = {block.io(side, 8, row.padding).out_size for side in sides}
    found.setdefault(row.index, set()).update(outs)
  return {
    i: f'{min(outs)}' if len(outs) == 1 else f'{min(outs)}-{max(outs)}'
    for i, outs in found.items()
  }


def _row(index: int, slot: Any, size: str, again: bool) -> SlotRow:
  blocks = alternatives(slot)
  there = [
    block for block in blocks if getattr(block, 'keep', True) is not False
  ]
  kinds = tuple((KINDS.get(b.kind, b.kind), _columns(b)) for b in there)
  if again:
    kinds = ((AGAIN, _merged_columns([cells for _, cells in kinds])),)
  optional = any(getattr(block, 'keep', True) is not True for block in blocks)
  stride = getattr(there[0], 'stride', 1)
  return SlotRow(index, index, kinds, size, stride, optional)


def _merged_columns(
  several: list[dict[str, tuple[Choice, ...]]],
) -> dict[str, tuple[Choice, ...]]:
  """The decisions of alternatives, where those are chosen further above."""
  found: dict[str, tuple[Choice, ...]] = {}
  for columns in several:
    for title, choices in columns.items():
      if any(choice.tag for choice in choices):
        found.setdefault(title, choices)
  return found


def _columns(block: Block) -> dict[str, tuple[Choice, ...]]:
  names = {field.name for field in dataclasses.fields(block)}
  found = {}
  for title, fields in COLUMNS.items():
    choices = tuple(_choice(block, f) for f in fields if f in names)
    if choices:
      found[title] = choices
  return found


def _choice(block: Block, name: str) -> Choice:
  value = getattr(block, name)
  if isinstance(value, OneOf):
    words = tuple(dict.fromkeys(_word(name, v) for v in value.choices))
    return Choice(words, value.tag)
  return Choice((_word(name, value),))


def _word(name: str, value: Any) -> str:
  if name == 'activation':
    return ACTIVATIONS.get(value, str(value))
  if name in ('kernel', 'start_kernel') and not value:
    return 'none'
  if name == 'squeeze_excite' and not value:
    return 'no'
  mark = TIMES if name == 'expand_ratio' else ''
  return mark + in_words(value)


def _look(row: SlotRow) -> tuple:
  """What makes rows alike: all but the tags of their own decisions."""
  shared = {
    c.tag
    for _, columns in row.kinds
    for title in ('channels', 'activation')
    for c in columns.get(title, ())
  }
  words = tuple(
    (kind, tuple((t, tuple(c.words for c in cs)) for t, cs in columns.items()))
    for kind, columns in row.kinds
  )
  return words, row.size, row.stride, row.optional, frozenset(shared)


def _merged(rows: list[SlotRow]) -> SlotRow:
  return dataclasses.replace(rows[0], last=rows[-1].last)
