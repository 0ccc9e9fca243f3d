"""TensorFlow's checkpoints. The one file that imports TensorFlow to read."""

from pathlib import Path

import numpy as np

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.models.pretrained.read import bounded


def _prefix(path: Path) -> str:
  """A checkpoint's name: what its files' names start with."""
  text = str(path)
  head, mark, _ = text.rpartition('.data-')
  return head if mark else text.removesuffix('.index')


def is_checkpoint(path: Path) -> bool:
  """Whether a path, or what it starts with, is a checkpoint."""
  return Path(_prefix(path) + '.index').is_file()


def read_checkpoint(path: Path) -> dict[str, np.ndarray]:
  """Returns the variables of a checkpoint by name.

  Raises:
    UserError: TensorFlow is missing, or the checkpoint cannot be read.
  """
  try:
    import tensorflow as tf
  except ImportError as error:
    raise UserError(
      f'Reading {path} needs TensorFlow: install mobilenet-jax[tflite].'
    ) from error
  prefix = _prefix(path)
  try:
    reader = tf.train.load_checkpoint(prefix)
    shapes = reader.get_variable_to_shape_map()
    bounded(path, 4 * sum(int(np.prod(s)) for s in shapes.values()))
    return {name: np.asarray(reader.get_tensor(name)) for name in shapes}
  except (tf.errors.OpError, ValueError, RuntimeError) as error:
    if isinstance(error, UserError):
      raise
    first = str(error).partition('\n')[0]
    raise UserError(f'{path} is no whole checkpoint ({first}).') from error
