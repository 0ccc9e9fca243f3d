"""`folder:PATH`: a labelled image set of plain files, one subfolder a class.

    PATH/cat/1.jpg          PATH/dog/2.png           split here
    PATH/train/cat/1.jpg    PATH/val/cat/7.jpg       split by the user

With subfolders train, val (or validation) and test, those are the splits.
Without, each class is cut into train, validation and test, 80 : 10 : 10, by a
hash of the files' relative paths; at least one image each where a class has
three. Parts such as 'train[:80%]' and sums are TFDS'; images are in an order
such that a part has about its share of every class.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.text import counted, printable
from mobilenet_jax.data.damage import find_broken
from mobilenet_jax.data.folder_split import interleave, part
from mobilenet_jax.data.folder_tree import Tree, scan
from mobilenet_jax.data.folder_walk import PREFIX
from mobilenet_jax.data.images import lazy_image, open_image

SHOWN = 3  # broken files named in one sentence


@dataclasses.dataclass(frozen=True, eq=False)
class Pictures:
  """Image files with their labels, decoded when read.

  Attributes:
    root: where the paths begin.
    paths: relative, one an image.
    labels: int32 [N].
  """

  root: Path
  paths: list[str]
  labels: np.ndarray

  def __len__(self) -> int:
    return len(self.paths)

  def __getitem__(self, i: int) -> dict[str, Any]:
    """Returns {'image': uint8 [H, W, 3], 'label': int}; see `open_image`."""
    image = open_image(self.root / self.paths[i])
    return {'image': image, 'label': int(self.labels[i])}

  def opened(self, i: int) -> tuple[Image.Image, int]:
    """Returns the image, decoded when it is needed, and its label."""
    return lazy_image(self.root / self.paths[i]), int(self.labels[i])


def is_folder(name: str) -> bool:
  """Whether a data set is called 'folder:PATH'."""
  return name.startswith(PREFIX)


def pictures(name: str, tree: Tree, split: str) -> Pictures:
  """The images of a split or of parts of splits, broken ones among them.

  Raises:
    UserError: there is no such split, or it is empty.
  """
  lengths = {key: sum(map(len, value)) for key, value in tree.splits.items()}
  try:
    parts = part(split, lengths)
  except Exception as error:  # TFDS raises many kinds
    raise UserError(
      f'Data set {name!r} has no split {split!r}; it has'
      f" {', '.join(lengths)}, and parts of them such as 'train[:80%]'."
    ) from error
  paths, labels = [], []
  for key, start, stop in parts:
    here, theirs = interleave(tree.splits[key])
    paths += here[start:stop]
    labels.append(theirs[start:stop])
  if not paths:
    raise UserError(f'Split {split!r} of data set {name!r} is empty.')
  return Pictures(tree.root, paths, np.concatenate(labels))


def open_folder(
  name: str, split: str, *, strict: bool, say: Callable[[str], None]
) -> tuple[tuple[str, ...], Pictures]:
  """Opens the readable images of a split; checks all before.

  Args:
    name: 'folder:PATH'.
    split: as of TFDS, or 'val'.
    strict: broken or empty images are an error; else they are left out.
    say: told what is probably a mistake, and which images are left out.

  Returns:
    The names of the classes, and the images.

  Raises:
    UserError: the folder is not laid out by class, a class has no images or is
      unknown to the training split, or there is no such split.
  """
  tree = scan(name)
  if tree.problems:
    raise UserError(tree.problems[0])
  found = pictures(name, tree, split)
  if split.startswith(next(iter(tree.splits))):  # once a job is enough
    for remark in tree.remarks:
      say(printable(remark))
  broken = find_broken(tree.root, found.paths, f'checking {name} {split}')
  if broken:
    found = _without(name, split, found, broken, strict, say)
  return tree.class_names, found


def _without(
  name: str,
  split: str,
  found: Pictures,
  broken: dict[str, str],
  strict: bool,
  say: Callable[[str], None],
) -> Pictures:
  """Leaves broken images out, or raises where `strict`."""
  reasons = [text.rstrip('.') for text in broken.values()][:SHOWN]
  more = ' ...' if len(broken) > SHOWN else ''
  count = f'{len(broken)} of {counted(len(found), "image")}'
  text = printable(
    f'{name} {split!r}: {count} cannot be read: {"; ".join(reasons)}{more}'
  )
  if strict:
    raise UserError(
      f'{text}; mend or remove them, or set data.strict to False.'
    )
  keep = [i for i, path in enumerate(found.paths) if path not in broken]
  if not keep:
    raise UserError(f'{text}; none is left.')
  say(f'{text}; they are left out.')
  paths = [found.paths[i] for i in keep]
  return Pictures(found.root, paths, found.labels[keep])
