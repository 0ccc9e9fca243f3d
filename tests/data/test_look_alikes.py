"""Which names are taken for slips, and which for names of their own."""

import random
import string

import pytest

from mobilenet_jax.data.look_alikes import look_alikes


@pytest.mark.parametrize(
  ('left', 'right'),
  [
    ('Dog', 'dog'),
    ('dog ', 'dog'),
    ('golden retriever', 'golden_retriever'),
    ('Golden-Retriever', 'golden retriever'),
    ('caf\u00e9', 'cafe\u0301'),
    ('tulip', 'tulp'),
    ('tulip', 'tulips'),
    ('tulip', 'tulpi'),
    ('tulip', 'tolip'),
    ('Tulip', 'tolip'),
    ('hello', 'helo'),
  ],
)
def test_slips(left, right):
  assert look_alikes(['rose', left, right]) == [tuple(sorted((left, right)))]


@pytest.mark.parametrize(
  ('left', 'right'),
  [
    ('cat', 'car'),
    ('n02085620', 'n02085782'),
    ('n02085620', 'n02085621'),
    ('class 1', 'class 11'),
    ('class 12', 'class 21'),
    ('tulip', 'tpuli'),
    ('abcd', 'bcda'),
    ('tulip', 'daisy'),
  ],
)
def test_names_of_their_own(left, right):
  assert look_alikes([left, right]) == []


def test_signs_are_names_too():
  assert look_alikes(['-', '_', ' ', '+']) == []


def distance(left, right):
  """Damerau's: steps of one letter put in, left out, changed or swapped."""
  rows = [list(range(len(right) + 1))]
  for i, a in enumerate(left, 1):
    row = [i]
    for k, b in enumerate(right, 1):
      row.append(min(rows[-1][k] + 1, row[-1] + 1, rows[-1][k - 1] + (a != b)))
      if i > 1 and k > 1 and (left[i - 2], a) == (b, right[k - 2]):
        row[-1] = min(row[-1], rows[-2][k - 2] + 1)
    rows.append(row)
  return rows[-1][-1]


def test_random_names_against_the_distance():
  rng = random.Random(0)
  names = {
    ''.join(rng.choices(string.ascii_lowercase[:3], k=rng.randint(4, 6)))
    for _ in range(150)
  }
  expected = [
    (a, b) for a in sorted(names) for b in sorted(names)
    if a < b and distance(a, b) == 1
  ]  # fmt: skip
  assert look_alikes(sorted(names)) == expected
  assert len(expected) > 100
