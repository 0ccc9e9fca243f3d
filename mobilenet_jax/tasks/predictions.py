"""What a classifier says, in words."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data.labels import default_labels

TOLERANCE = 0.02  # of a row's sum: bfloat16 rounds as coarsely


class Prediction(NamedTuple):
  """One class and how likely it is."""

  index: int
  label: str
  probability: float


def decode_predictions(
  probs: Any, top: int = 5, labels: Sequence[str] | None = None
) -> list[list[Prediction]]:
  """Returns the likeliest classes of every image, most likely first.

  Args:
    probs: [N, K] probabilities, each row summing to 1.
    top: how many; all K where it is more.
    labels: K names; None or empty: ImageNet's where K is 1000 or 1001
      (background first), and 'class 17' otherwise.

  Returns:
    For every image up to `top` of (index, label, probability); of equally
    likely classes the lower index is first.

  Raises:
    UserError: `probs` are no probabilities (logits, say), `top` is less than
      1, or there are more or fewer labels than classes.
  """
  values = np.asarray(probs, np.float64)
  if values.ndim != 2 or not values.shape[1]:
    raise UserError(f'Probabilities are [N, K], not {list(values.shape)}.')
  sums = values.sum(axis=1)
  bad = np.flatnonzero(~(np.abs(sums - 1) < TOLERANCE) | (values < 0).any(1))
  if len(bad):
    raise UserError(
      f'Row {bad[0]} (sum {sums[bad[0]]:g}) is no probabilities; of logits '
      'jax.nn.softmax makes some.'
    )
  if top < 1:
    raise UserError(f'top is {top}; it is 1 or more.')
  classes = values.shape[1]
  known = labels is not None and len(labels) > 0
  names = labels if known else default_labels(classes)
  if len(names) != classes:
    raise UserError(f'{len(names)} labels do not name {classes} classes.')
  order = np.argsort(-values, axis=1, kind='stable')[:, :top]
  return [
    [Prediction(int(i), names[i], float(row[i])) for i in best]
    for row, best in zip(values, order, strict=True)
  ]
