"""The pictures and the table that a training ends with."""

import csv
import io

import numpy as np
import pytest
from PIL import Image

from mobilenet_jax.report.confusion import confusion_csv, draw_confusion
from mobilenet_jax.report.mistakes import MOST, Mistake, draw_mistakes

NAMES = ('cat, or "dog"', '$x$', 'Käse 日本', 'a' * 300)


def opened(data):
  return np.asarray(Image.open(io.BytesIO(data)).convert('RGB'))


def test_the_table_is_read_back_whatever_the_names():
  counts = np.arange(16).reshape(4, 4)
  rows = list(csv.reader(io.StringIO(confusion_csv(counts, NAMES))))
  assert rows[0][1:] == [row[0] for row in rows[1:]] == list(NAMES)
  np.testing.assert_array_equal(
    [list(map(int, r[1:])) for r in rows[1:]], counts
  )


@pytest.mark.parametrize('classes', [2, 20, 21, 61])
def test_a_matrix_is_darkest_where_most_answers_are(classes):
  """All of each class are taken for the next one, the last has no images."""
  counts = np.roll(7 * np.eye(classes, dtype=int), 1, axis=1)
  counts[-1] = 0
  names = [NAMES[i % 4] for i in range(classes)]
  picture = opened(draw_confusion(counts, names, '100 % $wrong$'))
  blue = np.all(picture == (8, 48, 107), axis=-1)  # the end of 'Blues'
  rows, columns = np.nonzero(blue)
  # one diagonal: further down means further right
  assert np.corrcoef(rows, columns)[0, 1] > 0.9 or classes == 2
  side = (columns.max() - columns.min() + 1) / (classes - 1)
  assert blue.sum() == pytest.approx((classes - 1) * side**2, rel=0.25)


def mistakes(count):
  return [Mistake(f'{"x" * 90}/{i}.jpg', NAMES[i % 4], NAMES[3], 0.9, 0.01)
          for i in range(count)]  # fmt: skip


@pytest.mark.parametrize('count', [1, 5, MOST])
def test_every_mistake_is_on_the_sheet(count):
  """Pictures of any shape, each in a colour that nothing else has."""
  rng = np.random.default_rng(0)
  colors = rng.integers(0, 256, (count, 3), np.uint8)
  shapes = [(8, 8), (500, 40), (30, 400)]
  pictures = [
    np.broadcast_to(c, (*shapes[i % 3], 3)) for i, c in enumerate(colors)
  ]
  sheet = opened(draw_mistakes(mistakes(count), pictures))
  for color in colors:
    assert np.all(sheet == color, axis=-1).sum() > 1000


def test_a_grey_picture_is_drawn_too():
  sheet = opened(draw_mistakes(mistakes(1), [np.full((9, 9, 1), 77, np.uint8)]))
  assert np.all(sheet == 77, axis=-1).sum() > 40_000
