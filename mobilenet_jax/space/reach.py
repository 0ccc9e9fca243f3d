"""Which decisions matter in a network: those of absent blocks do not.

A decision matters where any of the blocks that it shapes is there. Whether a
block is there is a conjunction: its alternative is the chosen one, and its
`keep` is true. So a decision has several ways of being reached, each a set of
masks over other decisions, all of which must let the choice pass.
"""

from collections.abc import Sequence

import numpy as np

from mobilenet_jax.arch import ArchSpec, variants
from mobilenet_jax.space.space import SearchSpace

Way = dict[str, tuple[bool, ...]]  # masks by tag; without any: always


def reach_tensor(space: SearchSpace) -> np.ndarray:
  """Whether a decision can be reached, by what all others chose.

  Returns:
    bool [ways, decisions, decisions, most choices]: entry (w, d, k, c) is true
    where way w of reaching decision d lets decision k have index c. Decision d
    is reachable in a choice vector v if for any w (w, d, k, v[k]) is true for
    all k.
  """
  sizes = space.decisions
  found = ways(space.spec)
  most = max(map(len, found.values()), default=1)
  count = len(sizes)
  shape = (max(most, 1), count, count, max(sizes.values(), default=1))
  reach = np.zeros(shape, bool)
  position = {tag: i for i, tag in enumerate(sizes)}
  for tag, several in found.items():
    for w, way in enumerate(several):
      own = reach[w, position[tag]]
      own[:] = True
      for other, mask in way.items():
        own[position[other], : len(mask)] = mask
  return reach


def reached(reach: np.ndarray, vector: Sequence[int]) -> np.ndarray:
  """bool [decisions]: those that matter in the network of a choice vector.

  Args:
    reach: of `reach_tensor`.
  """
  passes = reach[..., np.arange(len(vector)), list(vector)]  # [ways, of, by]
  return np.any(np.all(passes, 2), 0)


def ways(spec: ArchSpec) -> dict[str, list[Way]]:
  """The ways in which each decision can be reached, as few as there can be."""
  found: dict[str, list[Way]] = {}
  for row in variants(spec):
    masks = {one.tag: one.choices for one in row.conditions}
    for tag in dict.fromkeys((*row.tags, *masks)):
      others = {t: mask for t, mask in masks.items() if t != tag}
      found[tag] = _with(found.get(tag, []), others)
  return found


def _with(several: list[Way], way: Way) -> list[Way]:
  """One more way; two that differ in one mask are one."""
  if any(_implies(way, other) for other in several):
    return several
  kept = [other for other in several if not _implies(other, way)]
  for other in kept:
    if other.keys() == way.keys():
      differing = [tag for tag in way if way[tag] != other[tag]]
      if len(differing) == 1:
        (tag,) = differing
        mask = tuple(a or b for a, b in zip(way[tag], other[tag], strict=True))
        both = {**way, tag: mask}
        if all(mask):
          del both[tag]
        return _with([one for one in kept if one is not other], both)
  return [*kept, way]


def _implies(way: Way, other: Way) -> bool:
  """Whether all that pass the one pass the other."""
  return all(
    tag in way and all(b or not a for a, b in zip(way[tag], mask, strict=True))
    for tag, mask in other.items()
  )
