"""A space's decisions in words."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from mobilenet_jax.arch import ArchSpec, OneOf, iter_open
from mobilenet_jax.arch.spec import KINDS

SHORT = {
  'kernel': 'k', 'start_kernel': 'a', 'expand_ratio': 'e', 'channels': 'c',
  'squeeze_excite': 'se',
}  # fmt: skip


def choices_in_words(spec: ArchSpec) -> dict[str, list[str]]:
  """What may be chosen for each decision, by tag."""
  places: dict[str, list[tuple[str, tuple]]] = {}
  seen = set()
  for i, name, value in iter_open(spec):
    # alternatives of a slot share what they have in common
    if (i, name, value) not in seen:
      places.setdefault(value.tag, []).append((name, value.choices))
    seen.add((i, name, value))
  return {tag: _choices(found) for tag, found in places.items()}


def group(
  choices: Mapping[str, Sequence[str]],
) -> list[tuple[str, Sequence[str], list[str]]]:
  """Decisions of the same name and choices together, in order.

  Args:
    choices: in words, by tag.

  Returns:
    (last part of the tags, choices in words, the tags).
  """
  groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
  for tag, words in choices.items():
    groups.setdefault((tag.rpartition('/')[2], tuple(words)), []).append(tag)
  return [(name, words, tags) for (name, words), tags in groups.items()]


def spans(tags: Sequence[str]) -> str:
  """The places of decisions in short: 'stem, stage1-5/block1-4'."""
  trees: dict[str, list[str]] = {}
  for tag in tags:
    first, _, rest = tag.rpartition('/')[0].partition('/')
    trees.setdefault(first, []).append(rest)
  found = []
  for rests, several in itertools.groupby(trees, trees.__getitem__):
    stages = ranges(list(several))
    blocks = ranges([rest for rest in rests if rest])
    found.append(f'{stages}/{blocks}' if blocks else stages)
  return ', '.join(part for part in found if part)


def ranges(names: Sequence[str]) -> str:
  """Names that end in numbers in short: 'block1-4, block7'."""
  runs: list[list[Any]] = []  # stem, first number, last number
  for name in names:
    stem = name.rstrip('0123456789')
    digits = name[len(stem) :]
    number = int(digits) if digits else None
    last = runs[-1] if runs else None
    if (
      last and number is not None and last[0] == stem and last[2] == number - 1
    ):
      last[2] = number
    else:
      runs.append([stem, number, number])
  return ', '.join(
    f'{stem}{"" if a is None else a}' + (f'-{b}' if b != a else '')
    for stem, a, b in runs
  )


def size_in_words(number: int) -> str:
  """How many, in powers of ten where there are many."""
  if number < 1_000_000:
    return f'{number:,}'
  power = math.log10(number)  # a float may be too small for it
  return f'{10 ** (power % 1):.2g}e{int(power)}'


def in_words(value: Any) -> str:
  """One choice."""
  if isinstance(value, bool):
    return 'yes' if value else 'no'
  if isinstance(value, float | int):
    return f'{value:.3g}' if isinstance(value, float) else str(value)
  if type(value) in KINDS.values():
    ratio = getattr(value, 'expand_ratio', None)
    fixed = ratio is not None and not isinstance(ratio, OneOf)
    named = f'{value.kind} {SHORT["expand_ratio"]}{ratio:g}' if fixed else None
    if value.keep is False:
      return 'nothing'
    return named or value.kind
  return str(value)


def _choices(places: Sequence[tuple[str, tuple]]) -> list[str]:
  names = list(dict.fromkeys(name for name, _ in places))
  count = len(places[0][1])
  if names == ['keep'] and len(set(places)) > 1:
    kept = [sum(choices[i] for _, choices in places) for i in range(count)]
    return [f'+{n}' for n in kept]
  return [_choice(places, names, i) for i in range(count)]


def _choice(
  places: Sequence[tuple[str, tuple]], names: Sequence[str], index: int
) -> str:
  """What one index of a decision means in all its places."""
  parts = []
  for name in names:
    values = dict.fromkeys(in_words(c[index]) for n, c in places if n == name)
    if name == 'keep' and len(names) > 1:
      if 'no' in values:
        return 'nothing'
      continue
    mark = SHORT.get(name, name) if len(names) > 1 else ''
    parts.append(mark + '/'.join(values))
  return ' '.join(parts)
