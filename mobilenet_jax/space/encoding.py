"""From a network back to the choices that make it.

Every place of a space narrows what the decisions may have been, each on its
own; the places are walked in order and left by the network's blocks where they
can be, so that of several ways to make a network there is one that is found.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from mobilenet_jax.arch import (
  ArchSpec,
  Block,
  OneOf,
  alternatives,
  decisions,
  iter_open,
)
from mobilenet_jax.core.errors import UserError

Domains = Mapping[str, frozenset[int]]  # what each decision may still be
HEAD = ('in_channels', 'norm_epsilon', 'padding', 'background')


def encode(space: ArchSpec, spec: ArchSpec) -> dict[str, int]:
  """Returns the choice (index by tag) that resolves to a network.

  Of several it is the one that keeps the first of the optional blocks that may
  stand for each other, and has decisions that matter to nothing at 0.

  Args:
    space: an open spec.
    spec: a concrete one; neither its name nor its `inputs` count.

  Raises:
    UserError: the network is not one of the space; it says what of it is not.
  """
  sizes = decisions(space)
  domains: Domains = {tag: frozenset(range(n)) for tag, n in sizes.items()}
  for name in HEAD:
    mine, theirs = getattr(space, name), getattr(spec, name)
    if mine != theirs:
      raise UserError(
        f'{spec.name} is no network of {space.name}: its {name} is {theirs!r}, '
        f'not {mine!r}.'
      )
  started = narrowed(domains, space.resolution, spec.resolution)
  if started is None:
    raise UserError(
      f'{spec.name} is no network of {space.name}: its resolution is '
      f'{spec.resolution}.'
    )
  walk = _Walk(space, spec)
  found = walk.fit(started)
  if found is None:
    raise UserError(
      f'{spec.name} is no network of {space.name}: {walk.trouble()}.'
    )
  return {tag: min(domain) for tag, domain in found.items()}


def narrowed(domains: Domains, value: Any, wanted: Any) -> Domains | None:
  """The domains with which a value or a `OneOf` is the wanted value."""
  if not isinstance(value, OneOf):
    return domains if value == wanted else None
  fits = {i for i, choice in enumerate(value.choices) if choice == wanted}
  left = domains[value.tag] & fits
  return {**domains, value.tag: left} if left else None


class _Walk:
  """The search for the places of a network's blocks."""

  def __init__(self, space: ArchSpec, spec: ArchSpec):
    self._slots, self._blocks = space.blocks, spec.blocks
    self._optional = [_is_optional(slot) for slot in self._slots]
    self._later = _tags_from(space)
    self._furthest = 0

  def fit(self, domains: Domains) -> Domains | None:
    """What the decisions may be where the slots make the blocks."""
    met = set()
    stack: list[Iterator[tuple[int, Domains]]] = [iter([(0, domains)])]
    while stack:
      done, left = next(stack[-1], (-1, domains))
      if done < 0:
        stack.pop()
        continue
      at = len(stack) - 1
      self._furthest = max(self._furthest, done)
      if at == len(self._slots) and done == len(self._blocks):
        return left
      # what is left to do depends on nothing else
      state = (at, done, *(left[tag] for tag in self._later[at]))
      if state not in met:
        met.add(state)
        stack.append(self._next(at, done, left))
    return None

  def _next(
    self, at: int, done: int, domains: Domains
  ) -> Iterator[tuple[int, Domains]]:
    """Yields where a slot can lead, with a block before without one."""
    left, slots = len(self._blocks) - done, self._optional[at:]
    if not slots.count(False) <= left <= len(slots) or not slots:
      return
    if left:
      block = self._blocks[done]
      for with_block in _with_block(self._slots[at], block, domains):
        yield done + 1, with_block
    if slots[0]:
      for without in _without_block(self._slots[at], domains):
        yield done, without

  def trouble(self) -> str:
    """What did not fit."""
    if self._furthest >= len(self._blocks):
      return f'it ends after {len(self._blocks)} blocks'
    block = self._blocks[self._furthest]
    return f'its block {self._furthest} ({block.kind}) does not fit in'


def _tags_from(space: ArchSpec) -> list[tuple[str, ...]]:
  """The decisions that slots from each on depend on."""
  found: list[dict[str, None]] = [{} for _ in range(len(space.blocks) + 1)]
  for index, _, value in iter_open(space):
    for earlier in range(index + 1):
      found[earlier][value.tag] = None
  return [tuple(tags) for tags in found]


def _is_optional(slot: Any) -> bool:
  return any(getattr(b, 'keep', True) is not True for b in alternatives(slot))


def _with_block(
  slot: Any, wanted: Block, domains: Domains
) -> Iterator[Domains]:
  """Yields the domains with which a slot holds a block."""
  for number, block in enumerate(alternatives(slot)):
    if type(block) is not type(wanted):
      continue
    left = _chosen(slot, number, domains)
    for field in dataclasses.fields(block):
      if left is None:
        break
      aim = True if field.name == 'keep' else getattr(wanted, field.name)
      left = narrowed(left, getattr(block, field.name), aim)
    if left is not None:
      yield left


def _without_block(slot: Any, domains: Domains) -> Iterator[Domains]:
  """Yields the domains with which a slot is left out."""
  for number, block in enumerate(alternatives(slot)):
    keep = getattr(block, 'keep', True)
    if keep is False:
      left = _chosen(slot, number, domains)
    elif isinstance(keep, OneOf):
      own = isinstance(slot, OneOf) and keep.tag == slot.tag
      start = _chosen(slot, number, domains) if own else domains
      left = None if start is None else narrowed(start, keep, False)
    else:
      left = None
    if left is not None:
      yield left


def _chosen(slot: Any, number: int, domains: Domains) -> Domains | None:
  """The domains with which a slot has its alternative `number`."""
  if not isinstance(slot, OneOf):
    return domains
  left = domains[slot.tag] & {number}
  return {**domains, slot.tag: left} if left else None
