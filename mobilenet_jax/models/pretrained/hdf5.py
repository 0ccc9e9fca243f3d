"""Keras's files: .weights.h5, .keras and the older .h5.

All give the names of .weights.h5: `layers/conv2d_3/vars/0`, where layers of a
class are numbered in the order of the network. Links out of the file are not
followed.
"""

import io
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.models.pretrained.read import (
  ZIP_ERRORS,
  Tensors,
  bounded,
  open_zip,
)

WEIGHTS = 'model.weights.h5'  # inside .keras
DEEPEST = 12  # groups inside groups
MOST = 20_000  # names; a network has hundreds, links can make them billions


def read_keras(path: Path) -> Tensors:
  """Reads a file of Keras 2 or 3.

  Raises:
    UserError: h5py is missing, or the file is cut off, too large, refers to
      other files, or is something else.
  """
  try:
    import h5py
  except ImportError as error:
    raise UserError(
      f'Reading {path} needs h5py: install mobilenet-jax[keras].'
    ) from error
  file = _inner(path) if path.suffix.lower() == '.keras' else path
  try:
    with h5py.File(file, 'r') as root:
      found = dict(_walk(root, '', h5py, 0, itertools.count(1)))
      bounded(path, sum(item.nbytes for item in found.values()))
      return _old(root, found) or _new(found)
  except UserError as error:
    raise UserError(f'{path}: {error}') from error
  except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
    raise UserError(f'{path} is cut off or is no HDF5 ({error}).') from error


def _inner(path: Path) -> io.BytesIO:
  """The weights of a .keras, in memory: nothing is unpacked to the disk."""
  with open_zip(path) as archive:
    try:
      return io.BytesIO(archive.read(WEIGHTS))
    except (KeyError, *ZIP_ERRORS) as error:
      raise UserError(f'{path} has no readable {WEIGHTS}.') from error


def _walk(
  group: Any, home: str, h5py: Any, depth: int, visits: Iterator[int]
) -> Iterator[tuple[str, Any]]:
  """Yields every tensor with its full name; `visits` counts what is seen."""
  if depth > DEEPEST:
    raise UserError(f'{home} is nested too deep.')
  for name in group:
    full = f'{home}{name}'
    if next(visits) > MOST:
      raise UserError(f'it has more than {MOST:,} groups and tensors.')
    link = group.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
      raise UserError(f'{full} refers to elsewhere, which is not followed.')
    item = group[name]
    if isinstance(item, h5py.Group):
      yield from _walk(item, f'{full}/', h5py, depth + 1, visits)
    elif isinstance(item, h5py.Dataset):
      if item.external or item.is_virtual:
        raise UserError(f'{full} is kept in another file, which is not read.')
      yield full, item


def _new(found: dict[str, Any]) -> Tensors:
  arrays = {}
  for name, item in found.items():
    if item.dtype.kind in 'fiu':
      key = name.replace('_layer_checkpoint_dependencies/', 'layers/')
      arrays[key] = np.asarray(item)
  return Tensors(arrays)


def _old(root: Any, found: dict[str, Any]) -> Tensors | None:
  """A file whose layers are listed in order, as `layer_names`."""
  home = root.get('model_weights', root)
  if 'layer_names' not in home.attrs:
    return None
  start = home.name.strip('/') + '/' if home is not root else ''
  arrays: dict[str, np.ndarray] = {}
  shown: dict[str, str] = {}
  counts: dict[str, int] = {}
  for layer in _texts(home.attrs['layer_names']):
    names = _texts(home[layer].attrs['weight_names'])
    items = [found[f'{start}{layer}/{name}'] for name in names]
    if not items:
      continue
    kind = _kind(names, items)
    number = counts[kind] = counts.get(kind, -1) + 1
    numbered = f'{kind}_{number}' if number else kind
    for i, (name, item) in enumerate(zip(names, items, strict=True)):
      key = f'layers/{numbered}/vars/{i}'
      arrays[key], shown[key] = np.asarray(item), name
  return Tensors(arrays, shown=shown)


def _texts(values: Any) -> list[str]:
  return [v.decode() if isinstance(v, bytes) else str(v) for v in values]


def _kind(names: list[str], items: list[Any]) -> str:
  """The class of a layer, by its weights."""
  if 'gamma' in names[0]:
    return 'batch_normalization'
  shape = items[0].shape
  if len(shape) == 2:
    return 'dense'
  return 'depthwise_conv2d' if shape[-1] == 1 != shape[0] else 'conv2d'
