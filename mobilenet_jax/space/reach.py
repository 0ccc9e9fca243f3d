"""Which decisions matter in a network: those of absent blocks do not."""

import numpy as np

from mobilenet_jax.arch import OneOf, decisions, variants
from mobilenet_jax.space.space import SearchSpace


def reach_tensor(space: SearchSpace) -> np.ndarray:
  """Whether a decision can be reached, by what another decision chose.

  Returns:
    bool [decisions, decisions, most choices]: entry (d, k, c) is true where
    decision d matters when decision k has index c. Decision d is reachable
    in a choice vector v if (d, k, v[k]) is true for any k.
  """
  sizes = decisions(space.spec)
  position = {tag: i for i, tag in enumerate(sizes)}
  count = len(sizes)
  reach = np.zeros((count, count, max(sizes.values(), default=1)), bool)
  for row in variants(space.spec):
    for tag in row.tags:
      own = position[tag]
      if isinstance(row.keep, OneOf):
        reach[own, position[row.keep.tag], : len(row.keep.choices)] |= (
          np.asarray(row.keep.choices)
        )
      else:
        reach[own] = True
    if isinstance(row.keep, OneOf):
      reach[position[row.keep.tag]] = True
  return reach
