"""Which images of a class folder belong to which split, and in what order.

Everything follows from the files' relative paths, so it is the same on every
computer and in every run, whatever the file system's own order.
"""

import hashlib
import os
import re
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow_datasets as tfds

SHARES = {'train': 0.8, 'validation': 0.1, 'test': 0.1}  # where we cut
NAMES = {
  'train': 'train',
  'validation': 'validation',
  'val': 'validation',
  'valid': 'validation',
  'test': 'test',
}  # what users write, to the split's name


def shuffled(paths: Sequence[str]) -> list[str]:
  """Relative paths in an order that has nothing to do with their names."""
  return sorted(
    paths, key=lambda path: hashlib.sha256(os.fsencode(path)).digest()
  )


def cut(paths: Sequence[str]) -> dict[str, list[str]]:
  """Cuts the images of one class into splits by `SHARES`.

  Every split has at least one image where the class has three. An image that
  is added or removed moves at most one other over each border.

  Args:
    paths: relative paths.
  """
  ordered = shuffled(paths)
  count = len(ordered)
  test = _share(count, SHARES['test']) if count > 1 else 0
  validation = _share(count, SHARES['validation']) if count > 2 else 0
  return {
    'train': ordered[test + validation :],
    'validation': ordered[test : test + validation],
    'test': ordered[:test],
  }


def _share(count: int, share: float) -> int:
  return max(1, int(count * share + 0.5))


def interleave(
  classes: Sequence[Sequence[str]],
) -> tuple[list[str], np.ndarray]:
  """Puts the images of all classes into one order.

  Any part of it ('train[:80%]') has about that share of every class.

  Args:
    classes: the relative paths of each class.

  Returns:
    The paths, and int32 [N] the class of each.
  """
  sizes = [len(paths) for paths in classes]
  labels = np.repeat(np.arange(len(classes), dtype=np.int32), sizes)
  rank = [(np.arange(size) + 0.5) / size for size in sizes if size]
  order = np.argsort(np.concatenate([*rank, np.empty(0)]), kind='stable')
  flat = [path for paths in classes for path in shuffled(paths)]
  return [flat[i] for i in order], labels[order]


def part(split: str, lengths: Mapping[str, int]) -> list[tuple[str, int, int]]:
  """Reads a split as TFDS does: 'train', 'train[:80%]', 'train+val[10:]'.

  Args:
    split: what to read; 'val' and 'valid' mean 'validation'.
    lengths: images of each split.

  Returns:
    (split, start, stop), one after the other.

  Raises:
    ValueError, NotImplementedError, KeyError: it means nothing.
  """
  known = re.sub(r'[\w-]+(?=\s*(?:\[|\+|$))', _full_name, split.strip())
  infos = {
    name: tfds.core.SplitInfo(name=name, shard_lengths=[length], num_bytes=0)
    for name, length in lengths.items()
  }
  return [
    (one.splitname, one.from_ or 0, lengths[one.splitname])
    if one.to is None
    else (one.splitname, one.from_ or 0, one.to)
    for one in tfds.core.ReadInstruction.from_spec(known).to_absolute(infos)
  ]


def _full_name(found: re.Match) -> str:
  return NAMES.get(found[0].lower(), found[0])
