"""How the weights that a network starts with are kept while it learns."""

import numpy as np

from mobilenet_jax.arch import ArchSpec, block_name, layers
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.tasks.features import find_endpoint


def head_index(spec: ArchSpec) -> int:
  """Index of the block that makes the classes."""
  return max(i for i, b in enumerate(spec.blocks) if hasattr(b, 'channels'))


def frozen_blocks(spec: ArchSpec, freeze: str) -> int:
  """How many of the first blocks stay as they are.

  Args:
    spec: the network.
    freeze: their number, or the last of them: a block ('block_03') or an
      endpoint ('stride16', 'embedding'), see `tasks.features`; '' for none.

  Raises:
    UserError: there is no such block (with the nearest one), or nothing would
      be left to learn.
  """
  if not freeze:
    return 0
  if freeze.isdecimal():
    count = int(freeze)
  else:
    try:
      count = find_endpoint(spec, freeze) + 1
    except UserError as error:
      raise UserError(f'train.freeze: {error}') from error
  head = head_index(spec)
  if count > head:
    raise UserError(
      f'train.freeze is {freeze!r}, which leaves nothing to learn: {head} '
      f'blocks of {spec.name} stand before {block_name(head)}, its head.'
    )
  return count


def block_rates(spec: ArchSpec, frozen: int, decay: float) -> dict[str, float]:
  """What the learning rate of each block with weights is multiplied by.

  decay^n, n being how many blocks with weights come after it (BEiT's layer
  decay, arXiv 2106.08254, appendix); 0 for the first `frozen` blocks.
  """
  weighted = list(dict.fromkeys(w.name.split('/')[0] for w in layers(spec)))
  still = {block_name(i) for i in range(frozen)}
  last = len(weighted) - 1
  return {
    name: 0.0 if name in still else decay ** (last - place)
    for place, name in enumerate(weighted)
  }


def balanced_weights(counts: np.ndarray) -> np.ndarray:
  """float32 [classes] of how many images each class has: N / (classes count).

  Classes then count alike, and the mean over all images is 1
  (scikit-learn's 'balanced').
  """
  return (counts.sum() / (len(counts) * counts)).astype(np.float32)
