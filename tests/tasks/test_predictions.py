"""Probabilities in words."""

import numpy as np
import pytest

import mobilenet_jax as mnj


def test_the_likeliest_classes_come_first_with_their_names():
  probs = np.array([[0.1, 0.7, 0.2], [0.4, 0.2, 0.4]], np.float32)
  found = mnj.decode_predictions(probs, top=2, labels=['cat', 'dog', 'emu'])
  assert [[(i, name) for i, name, _ in image] for image in found] == [
    [(1, 'dog'), (2, 'emu')],
    [(0, 'cat'), (2, 'emu')],  # alike: the lower index first
  ]
  assert found[0][0].probability == pytest.approx(0.7)
  assert isinstance(found[0][0].index, int)
  assert len(mnj.decode_predictions(probs, top=9)[0]) == 3


@pytest.mark.parametrize(
  ('classes', 'name'), [(1000, 'goldfish'), (1001, 'tench'), (10, 'class 1')]
)
def test_names_by_the_number_of_classes(classes, name):
  for labels in (None, ()):
    found = mnj.decode_predictions(np.eye(classes)[1:2], labels=labels)
    assert found[0][0].label == name


@pytest.mark.parametrize(
  ('probs', 'options', 'says'),
  [
    ([[3.0, -2.0]], {}, 'jax.nn.softmax'),
    ([[0.5, 0.5], [np.nan, 1]], {}, 'Row 1'),
    ([0.5, 0.5], {}, r'\[N, K\], not \[2\]'),
    ([[0.5, 0.5]], {'top': 0}, 'top is 0'),
    ([[0.5, 0.5]], {'labels': ['a']}, '1 labels do not name 2 classes'),
  ],
)
def test_what_are_no_probabilities(probs, options, says):
  with pytest.raises(mnj.UserError, match=says):
    mnj.decode_predictions(probs, **options)
