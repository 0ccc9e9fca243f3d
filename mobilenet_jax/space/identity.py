"""Whether two choice vectors make the same network, told without making it.

Each slot of a space is looked at by itself: its decisions make a block there,
or none. What they make is remembered, so that a vector costs a look-up a slot.
"""

from collections.abc import Mapping

from mobilenet_jax.arch import ArchSpec, Block, OneOf, iter_open
from mobilenet_jax.arch.oneof import pick, resolve_block

NO_BLOCK = -1


class Identity:
  """Names the networks of an open spec by short tuples of numbers.

  Two choices (index by tag) have the same name exactly if they decode to the
  same network. Names hold within one `Identity`.
  """

  def __init__(self, spec: ArchSpec):
    tags: list[dict[str, None]] = [{} for _ in spec.blocks]
    for slot, _, value in iter_open(spec):
      if slot >= 0:  # the resolution is at -1
        tags[slot][value.tag] = None
    self._resolution = spec.resolution
    self._slots = [
      (slot, tuple(own)) for slot, own in zip(spec.blocks, tags, strict=True)
    ]
    self._made: list[dict[tuple[int, ...], int]] = [{} for _ in tags]
    self._numbers: dict[Block, int] = {}  # of all blocks, wherever they are

  def of(self, choice: Mapping[str, int]) -> tuple[int, ...]:
    """The name of a network: its resolution, and a number a block."""
    found = [pick(self._resolution, choice)]
    for (slot, tags), made in zip(self._slots, self._made, strict=True):
      index = tuple([choice[tag] for tag in tags])
      if index not in made:
        made[index] = self._number(slot, choice)
      found.append(made[index])
    return tuple([number for number in found if number != NO_BLOCK])

  def _number(self, slot: Block | OneOf, choice: Mapping[str, int]) -> int:
    block = resolve_block(pick(slot, choice), choice)
    if not getattr(block, 'keep', True):
      return NO_BLOCK
    return self._numbers.setdefault(block, len(self._numbers))
