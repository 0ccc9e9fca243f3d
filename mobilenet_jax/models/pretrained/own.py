"""Our own files: .safetensors with the spec and the labels beside."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from mobilenet_jax.arch import ArchSpec, from_string, to_string
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import write_bytes
from mobilenet_jax.models.pretrained.convert import Wanted
from mobilenet_jax.models.pretrained.read import Tensors

FORMAT = 'mobilenet_jax 1'
COLLECTIONS = ('params', 'batch_stats')


def save_weights(
  path: str | os.PathLike,
  spec: ArchSpec,
  variables: dict[str, Any],
  labels: tuple[str, ...] = (),
) -> None:
  """Writes a network and its weights, whole or not at all.

  Args:
    path: ends in .safetensors.
    spec: the network.
    variables: its 'params' and 'batch_stats'.
    labels: names of the classes, in order.

  Raises:
    UserError: the path has another ending or cannot be written.
  """
  from flax.traverse_util import flatten_dict
  from safetensors.numpy import save

  check_name(path)
  kept = {name: variables.get(name, {}) for name in COLLECTIONS}
  arrays: dict[str, Any] = {
    name: np.ascontiguousarray(array, np.float32)
    for name, array in flatten_dict(kept, sep='/').items()
  }
  metadata = {
    'format': FORMAT,
    'arch': to_string(spec),
    'labels': json.dumps(list(labels)),
  }
  write_bytes(path, save(arrays, metadata))


def check_name(path: str | os.PathLike) -> None:
  """Raises a `UserError` where weights cannot be written as a file."""
  if not str(path).endswith('.safetensors'):
    raise UserError(f'Weights are written as .safetensors, not as {path}.')
  if not Path(path).parent.is_dir():
    raise UserError(f'There is no folder {Path(path).parent}.')


class NotOurs(UserError):
  """A file of weights that another library wrote."""


def described(
  path: str | os.PathLike, tensors: Tensors
) -> tuple[ArchSpec, tuple[str, ...]]:
  """Returns the network of one of our files, and the names of its classes.

  Raises:
    NotOurs: another library wrote it.
    UserError: it is not a network.
  """
  metadata = tensors.metadata
  if metadata.get('format') != FORMAT or 'arch' not in metadata:
    raise NotOurs(
      f'{path} was not written by mobilenet-jax; name the library that wrote '
      'it as the source.'
    )
  spec = from_string(metadata['arch'])
  try:
    labels = json.loads(metadata.get('labels', '[]'))
  except (ValueError, RecursionError) as error:
    raise UserError(f'{path}: its labels are no JSON.') from error
  if not isinstance(labels, list) or not all(
    isinstance(label, str) for label in labels
  ):
    raise UserError(f'{path}: its labels are no list of names.')
  if labels and len(labels) != spec.num_classes:
    raise UserError(
      f'{path} has {len(labels)} labels for {spec.num_classes} classes.'
    )
  return spec, tuple(labels)


def wanted(shapes: Any) -> list[Wanted]:
  """Every tensor of a network, given its variables or their shapes."""
  from flax.traverse_util import flatten_dict

  leaves: dict[Any, Any] = flatten_dict(shapes)
  return [
    Wanted(path, '/'.join(path), (tuple(leaf.shape),))
    for path, leaf in leaves.items()
  ]
