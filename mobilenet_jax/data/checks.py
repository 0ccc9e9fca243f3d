"""What of a data set can be refused before any training."""

from collections.abc import Callable

import numpy as np

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data.sources import Source

SHOWN = 5  # classes named in one sentence


def label_counts(labels: np.ndarray, classes: int) -> np.ndarray:
  """int [classes]: how many images each class has; other labels are ignored."""
  good = labels[(labels >= 0) & (labels < classes)]
  return np.bincount(good, minlength=classes)


def check_labels(source: Source, say: Callable[[str], None]) -> None:
  """Checks a source before it is trained on, without reading an image.

  Args:
    source: of training images.
    say: told which classes have no images here.

  Raises:
    UserError: a label is no class.
  """
  where = f'{source.name} {source.split!r}'
  if source.labels is None:  # checked one by one when they are read
    return
  labels = np.asarray(source.labels)
  outside = np.flatnonzero((labels < 0) | (labels >= source.num_classes))
  if len(outside):
    i = int(outside[0])
    raise UserError(
      f'{where}: image {source.image_name(i)} has label {labels[i]}; labels go'
      f' from 0 to {source.num_classes - 1}.'
    )
  counts = label_counts(labels, source.num_classes)
  empty = [source.class_names[i] for i in np.flatnonzero(counts == 0)]
  if empty:
    more = f' and {len(empty) - SHOWN} more' if len(empty) > SHOWN else ''
    shown = ', '.join(map(repr, empty[:SHOWN]))
    say(f'{where} has no images of {shown}{more}.')
