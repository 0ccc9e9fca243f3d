"""Names of classes: those that ship, and a user's."""

import json

import pytest

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data import labels
from mobilenet_jax.data.labels import imagenet_labels, read_labels


def test_imagenets_classes_are_in_the_order_of_their_synsets():
  names = imagenet_labels()
  assert len(names) == len(set(names)) == 1000
  for index, name in {
    0: 'tench', 1: 'goldfish', 7: 'cock', 207: 'golden retriever',
    281: 'tabby', 388: 'giant panda', 407: 'ambulance', 504: 'coffee mug',
    717: 'pickup', 817: 'sports car', 954: 'banana', 999: 'toilet tissue',
  }.items():  # fmt: skip
    assert names[index] == name
  assert imagenet_labels(background=True) == ('background', *names)


@pytest.mark.parametrize(
  ('name', 'text'),
  [
    ('x.txt', 'cat\ndog\nblue jay\n'),
    ('x.txt', '\ufeffcat\r\ndog\r\nblue jay\r\n\r\n'),
    ('x.json', '["cat", "dog", "blue jay"]'),
    ('x.json', '{"0": "cat", "1": "dog", "2": "blue jay"}'),
    ('x.json', '{"blue jay": 2, "cat": 0, "dog": 1}'),
    (
      'x.json',
      '{"0": ["n1", "cat"], "1": ["n2", "dog"], "2": ["n3", "blue jay"]}',
    ),
  ],
)
def test_forms_of_a_users_file(tmp_path, name, text):
  path = tmp_path / name
  path.write_text(text, newline='')
  assert read_labels(path) == ('cat', 'dog', 'blue jay')


@pytest.mark.parametrize(
  ('name', 'content', 'says'),
  [
    ('x.txt', b'', 'holds no labels'),
    ('x.txt', b'cat\n\ndog', r"Label 1 of .*x\.txt is ''"),
    ('x.txt', b'cat\x1b[2J', 'Label 0'),
    ('x.txt', b'\xff\xfe\x00', 'not UTF-8'),
    ('x.json', b'[1, 2]', 'Label 0 of .* is 1,'),
    ('x.json', b'{"1": "cat"}', 'from 0 on'),
    ('x.json', b'{"cat": 0, "dog": 0}', 'do not number their 2 classes'),
    ('x.json', b'3', 'neither a list nor a dict'),
    ('x.json', b'[', 'not valid JSON'),
    ('x.json', b'[' * 100_000, 'not valid JSON'),
    ('x.txt', b'cat\n' * (2 << 20), 'larger than 4 MB'),
  ],
)
def test_what_names_no_classes(tmp_path, name, content, says):
  path = tmp_path / name
  path.write_bytes(content)
  with pytest.raises(UserError, match=says):
    read_labels(path)


def test_a_missing_file(tmp_path):
  with pytest.raises(UserError, match='No such file'):
    read_labels(tmp_path / 'none.txt')


def test_numbers_where_there_are_no_names():
  assert labels.default_labels(3) == ('class 0', 'class 1', 'class 2')
  assert labels.default_labels(1001)[:2] == ('background', 'tench')
  assert json.dumps(labels.default_labels(1000)[:1]) == '["tench"]'
