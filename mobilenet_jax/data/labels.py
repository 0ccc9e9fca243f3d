"""Names of classes: ImageNet's, which ship with the package, or a file's.

`imagenet_labels.txt` holds the 1000 names of the ILSVRC-2012 classes in the
order of their synsets, n01440764 to n15075141, worded as torchvision 0.28.0
does (torchvision/models/_meta.py).
"""

import functools
import json
import os
from importlib import resources
from pathlib import Path
from typing import Any

from mobilenet_jax.core.errors import UserError

MAX_BYTES = 4 << 20
BACKGROUND = 'background'


@functools.cache
def imagenet_labels(background: bool = False) -> tuple[str, ...]:
  """Names of the 1000 classes of ImageNet, by index.

  Args:
    background: put 'background' first, 1001 in all, as TensorFlow's models do.
  """
  folder = resources.files('mobilenet_jax.data')
  names = folder.joinpath('imagenet_labels.txt').read_text('utf-8').splitlines()
  return (BACKGROUND, *names) if background else tuple(names)


@functools.cache
def imagenet_synsets() -> tuple[str, ...]:
  """WordNet's numbers of ImageNet's classes, by index; TFDS ships them."""
  folder = resources.files('tensorflow_datasets')
  path = folder.joinpath('datasets', 'imagenet2012', 'labels.txt')
  return tuple(path.read_text('utf-8').split())


def default_labels(classes: int) -> tuple[str, ...]:
  """ImageNet's names for 1000 or 1001 classes, 'class 17' for others."""
  if classes in (1000, 1001):
    return imagenet_labels(background=classes == 1001)
  return tuple(f'class {i}' for i in range(classes))


def read_labels(path: str | os.PathLike[str]) -> tuple[str, ...]:
  """Reads names of classes, by index.

  Args:
    path: one name a line; or where it ends in .json a list of names, a dict
      from index to name (or to [synset, name], as Keras has it), or one from
      name to index (torchvision's `class_to_idx`). At most `MAX_BYTES`.

  Raises:
    UserError: the file cannot be read, or holds something else.
  """
  try:
    if Path(path).stat().st_size > MAX_BYTES:
      raise UserError(f'Labels {path} are larger than {MAX_BYTES >> 20} MB.')
    text = Path(path).read_text('utf-8-sig')
  except OSError as error:
    raise UserError(f'Cannot read labels {path}: {error.strerror}.') from error
  except UnicodeDecodeError as error:
    raise UserError(f'Labels {path} are not UTF-8 text.') from error
  if Path(path).suffix.lower() == '.json':
    names = _from_json(text, path)
  else:
    names = [line.strip() for line in text.rstrip().splitlines()]
  for i, name in enumerate(names):
    if not isinstance(name, str) or not name or not name.isprintable():
      raise UserError(f'Label {i} of {path} is {name!r}, not a name.')
  if not names:
    raise UserError(f'{path} holds no labels.')
  return tuple(names)


def _from_json(text: str, path: str | os.PathLike[str]) -> list[Any]:
  try:
    found = json.loads(text)
  except (ValueError, RecursionError) as error:
    raise UserError(f'Labels {path} are not valid JSON: {error}.') from error
  if isinstance(found, list):
    return found
  if not isinstance(found, dict):
    raise UserError(f'Labels {path} are neither a list nor a dict.')
  count = len(found)
  if all(type(value) is int for value in found.values()):
    found = {str(index): name for name, index in found.items()}
  wanted = [str(i) for i in range(count)]
  if set(found) != set(wanted):
    raise UserError(
      f'Labels {path} do not number their {count} classes from 0 on.'
    )
  names = (found[key] for key in wanted)
  return [n[-1] if isinstance(n, list) and n else n for n in names]
