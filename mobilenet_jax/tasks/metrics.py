"""What a classifier's answers are worth: accuracy, confusion, calibration.

NumPy alone; logits come in blocks and are not kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

BINS = 15  # of the calibration error, as in its paper
TOP = 5


@dataclass(frozen=True)
class ClassScore:
  """How the images of one class fared; accuracy is None without any."""

  index: int
  images: int
  right: int

  @property
  def accuracy(self) -> float | None:
    """The share of right answers, the class's recall."""
    return self.right / self.images if self.images else None


class Tally:
  """Counts a classifier's answers.

  Attributes:
    num_classes: K of the logits.
  """

  def __init__(self, num_classes: int):
    self.num_classes = num_classes
    self._truth: list[np.ndarray] = []
    self._answer: list[np.ndarray] = []
    self._confidence: list[np.ndarray] = []
    self._loss = 0.0
    self._in_top = 0

  def add(
    self,
    logits: np.ndarray,
    labels: np.ndarray,
    weight: np.ndarray | None = None,
  ) -> None:
    """Counts a block of images.

    Of equal logits the class of the lower number comes first. One that is nan
    makes the loss nan, too.

    Args:
      logits: [N, K].
      labels: int [N], the right classes.
      weight: [N]; images of weight 0, which fill up a batch, are left out.

    Raises:
      ValueError: there are not K logits, or a label is none of 0 to K - 1.
    """
    logits, labels = np.asarray(logits, np.float64), np.asarray(labels)
    if weight is not None:
      keep = np.asarray(weight) > 0
      logits, labels = logits[keep], labels[keep]
    classes = self.num_classes
    if logits.ndim != 2 or logits.shape[1] != classes:
      raise ValueError(f'{list(logits.shape)} are not [N, {classes}] logits')
    if not len(labels):
      return
    if labels.min() < 0 or labels.max() >= classes:
      raise ValueError(f'labels {labels} are not in 0 to {classes - 1}')
    shifted = logits - logits.max(1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    self._loss -= float(np.take_along_axis(logs, labels[:, None], 1).sum())
    self._in_top += int((_ranks(logits, labels) < TOP).sum())
    self._truth.append(labels.astype(np.int32))
    self._answer.append(logits.argmax(1).astype(np.int32))
    self._confidence.append(np.exp(logs.max(1)))

  def counts(self) -> list[Any]:
    """What `joined` takes, for JSON."""
    arrays = (self._truth, self._answer, self._confidence)
    return [
      self.num_classes, self._loss, self._in_top,
      *(_joined(parts).tolist() for parts in arrays),
    ]  # fmt: skip

  @classmethod
  def joined(cls, parts: Sequence[list[Any] | None]) -> 'Tally | None':
    """A tally of all images of several; None where there are none."""
    there = [part for part in parts if part is not None]
    if not there:
      return None
    tally = cls(there[0][0])
    for _, loss, in_top, truth, answer, confidence in there:
      tally._loss += loss
      tally._in_top += in_top
      tally._truth.append(np.array(truth, np.int32))
      tally._answer.append(np.array(answer, np.int32))
      tally._confidence.append(np.array(confidence, np.float64))
    return tally

  def __len__(self) -> int:
    """Images so far."""
    return sum(map(len, self._truth))

  @property
  def confusion(self) -> np.ndarray:
    """int [K, K]: images of a class (row) that got an answer (column)."""
    size = self.num_classes
    cells = _joined(self._truth) * size + _joined(self._answer)
    return np.bincount(cells, minlength=size**2).reshape(size, size)

  def per_class(self) -> list[ClassScore]:
    """The score of every class, in order."""
    truth = _joined(self._truth)
    right = truth[truth == _joined(self._answer)]
    counts = (
      np.bincount(x, minlength=self.num_classes) for x in (truth, right)
    )
    pairs = zip(*counts, strict=True)
    return [ClassScore(i, int(n), int(r)) for i, (n, r) in enumerate(pairs)]

  def summary(self) -> dict[str, float]:
    """The means over all images.

    Returns:
      'accuracy', the share of right answers; 'top5', where there are more than
      5 classes, that of images whose class is among the five likeliest;
      'loss', the mean cross entropy in nats; 'calibration_error', see
      `calibration_error`.

    Raises:
      ValueError: there are no images.
    """
    count = len(self)
    if not count:
      raise ValueError('nothing to sum up: no images were added')
    right = _joined(self._truth) == _joined(self._answer)
    found = {'accuracy': float(right.sum()) / count}
    if self.num_classes > TOP:
      found['top5'] = self._in_top / count
    found['loss'] = self._loss / count
    confidence = np.concatenate(self._confidence)
    found['calibration_error'] = calibration_error(confidence, right)
    return found


def calibration_error(
  confidence: np.ndarray, right: np.ndarray, bins: int = BINS
) -> float:
  """Expected calibration error, arXiv 1706.04599, equations 2 to 5.

  Answers are sorted into bins of equal width by their confidence, bin m being
  ((m - 1) / bins, m / bins]; the error is the mean over all images of the
  distance between their bin's accuracy and its mean confidence.

  Args:
    confidence: [N], the probability of each answer.
    right: bool [N], whether it is right.
    bins: how many.
  """
  edges = np.arange(1, bins) / bins
  place = np.searchsorted(edges, confidence, side='left')
  sums = np.bincount(place, confidence - right, minlength=bins)
  return float(np.abs(sums).sum() / len(confidence))


def _ranks(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
  """How many classes come before the right one; a nan is before nothing."""
  own = np.take_along_axis(logits, labels[:, None], 1)
  before = np.arange(logits.shape[1]) < labels[:, None]
  return (~(logits <= own)).sum(1) + ((logits == own) & before).sum(1)


def _joined(parts: list[np.ndarray]) -> np.ndarray:
  return np.concatenate([np.empty(0, np.int64), *parts])
