"""A tally against scikit-learn, and values worked out by hand."""

import numpy as np
import pytest
from sklearn import metrics

from mobilenet_jax.tasks.metrics import Tally, calibration_error

CLASSES, IMAGES = 7, 501


@pytest.fixture
def answers():
  """Logits that know a little, and labels; class 6 has no images."""
  rng = np.random.default_rng(0)
  labels = rng.integers(0, CLASSES - 1, IMAGES)
  logits = rng.normal(size=(IMAGES, CLASSES)) + 1.5 * np.eye(CLASSES)[labels]
  return logits.astype(np.float32), labels


def filled(logits, labels, size=64):
  """A tally that got its images block by block."""
  tally = Tally(logits.shape[1])
  for start in range(0, len(labels), size):
    part = slice(start, start + size)
    tally.add(logits[part], labels[part])
  return tally


def softmax(logits):
  odds = np.exp(np.float64(logits))
  return odds / odds.sum(1, keepdims=True)


def test_the_means_are_those_of_scikit_learn(answers):
  logits, labels = answers
  found = filled(logits, labels).summary()
  known = np.arange(CLASSES)
  assert list(found) == ['accuracy', 'top5', 'loss', 'calibration_error']
  guess = logits.argmax(1)
  assert found['accuracy'] == metrics.accuracy_score(labels, guess)
  top5 = metrics.top_k_accuracy_score(labels, logits, k=5, labels=known)
  assert found['top5'] == pytest.approx(top5, abs=1e-12)
  loss = metrics.log_loss(labels, softmax(logits), labels=known)
  assert found['loss'] == pytest.approx(loss, rel=1e-9)
  assert found['accuracy'] < found['top5'] < 1


def test_the_confusion_matrix_and_the_classes(answers):
  logits, labels = answers
  tally = filled(logits, labels)
  guess, known = logits.argmax(1), np.arange(CLASSES)
  expected = metrics.confusion_matrix(labels, guess, labels=known)
  np.testing.assert_array_equal(tally.confusion, expected)
  rows = tally.per_class()
  assert [row.index for row in rows] == list(known)
  assert [row.images for row in rows] == [*np.bincount(labels).tolist(), 0]
  recall = metrics.recall_score(labels, guess, labels=known[:-1], average=None)
  assert [row.accuracy for row in rows[:-1]] == pytest.approx(recall.tolist())
  assert rows[-1].accuracy is None


def test_calibration_error_bin_by_bin(answers):
  """The paper's definition, written out."""
  logits, labels = answers
  odds = softmax(logits)
  sure, right = odds.max(1), odds.argmax(1) == labels
  expected = 0.0
  for low in range(15):
    inside = (sure > low / 15) & (sure <= (low + 1) / 15)
    if inside.any():
      gap = abs(right[inside].mean() - sure[inside].mean())
      expected += inside.mean() * gap
  found = filled(logits, labels).summary()['calibration_error']
  assert found == pytest.approx(expected, rel=1e-9)


def test_calibration_error_by_hand():
  # bin (8/15, 9/15]: 0.55 and 0.6, one right; bin (14/15, 1]: 1.0, wrong
  sure = np.array([0.55, 0.6, 1.0])
  right = np.array([True, False, False])
  expected = (abs(1 - 1.15) + abs(0 - 1)) / 3
  assert calibration_error(sure, right) == pytest.approx(expected)
  assert calibration_error(np.array([0.5, 0.5]), np.array([True, False])) == 0


def test_images_of_weight_0_are_left_out(answers):
  logits, labels = answers
  weight = np.ones(IMAGES)
  weight[300:] = 0
  padded = Tally(CLASSES)
  garbage = np.where(weight > 0, labels, 0)
  padded.add(np.where(weight[:, None] > 0, logits, 1e9), garbage, weight)
  assert len(padded) == 300
  assert padded.summary() == filled(logits[:300], labels[:300], 300).summary()


def test_of_equal_logits_the_first_class_is_the_answer():
  tally = Tally(7)
  tally.add(np.zeros((7, 7)), np.arange(7))
  found = tally.summary()
  assert (found['accuracy'], found['top5']) == (1 / 7, 5 / 7)
  assert tally.confusion[:, 0].tolist() == [1] * 7
  assert found['loss'] == pytest.approx(np.log(7))


def test_five_classes_have_no_top_five():
  tally = Tally(5)
  tally.add(np.eye(5), np.arange(5))
  assert set(tally.summary()) == {'accuracy', 'loss', 'calibration_error'}


def test_large_logits_overflow_nowhere_and_nan_is_seen():
  tally = Tally(2)
  tally.add(np.array([[1e4, -1e4]], np.float32), np.array([1]))
  assert tally.summary()['loss'] == pytest.approx(2e4)
  bad = Tally(6)
  bad.add(np.full((1, 6), np.nan), np.array([3]))
  assert np.isnan(bad.summary()['loss'])
  assert (bad.summary()['accuracy'], bad.summary()['top5']) == (0, 0)


@pytest.mark.parametrize(
  ('logits', 'labels', 'says'),
  [
    (np.zeros((2, 3)), [0, 1], 'not .N, 4. logits'),
    (np.zeros((2, 4)), [0, 4], 'not in 0 to 3'),
    (np.zeros((2, 4)), [-1, 0], 'not in 0 to 3'),
  ],
)
def test_what_does_not_fit_is_refused(logits, labels, says):
  with pytest.raises(ValueError, match=says):
    Tally(4).add(logits, np.array(labels))
  with pytest.raises(ValueError, match='no images'):
    Tally(4).summary()
