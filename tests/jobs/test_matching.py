"""Which output stands for which class of a data set."""

import numpy as np
import pytest

from mobilenet_jax.arch.inputs import TENSORFLOW
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data.labels import imagenet_labels, imagenet_synsets
from mobilenet_jax.data.sources import Columns, Source
from mobilenet_jax.jobs.matching import match_classes
from mobilenet_jax.jobs.subjects import Subject

PETS = ('cat', 'dog', 'guinea pig', 'crane', 'crane')


def match(labels, wanted, count=None):
  none = Columns({'label': np.zeros(1, np.int32)})
  source = Source('folder:pets', 'test', tuple(wanted), none)
  classes = count or len(labels)
  subject = Subject('net', 32, TENSORFLOW, classes, tuple(labels), lambda x: x)
  return match_classes(subject, source)


def test_a_subset_in_another_order_is_matched_by_name():
  columns, said = match(PETS, ['Guinea_Pig', 'cat'])
  assert columns.tolist() == [2, 0]
  assert said.endswith("of the network's 5 only the data's 2 compete.")


def test_another_order_is_told():
  columns, said = match(PETS[:2], ['dog', 'cat'])
  assert columns.tolist() == [1, 0]
  assert 'their order differs' in said


def test_the_same_names_need_no_word():
  assert match(PETS[:3], PETS[:3]) == (None, '')
  found, note = match((), ['a', 'b'], count=2)
  assert found is None
  assert 'unknown to the network; classes are matched by their' in note
  columns, said = match(['A', 'B'], ['x', 'y'])
  assert columns is None
  assert 'matched by their numbers' in said


def test_imagenet_is_known_by_its_synsets_too():
  synsets = imagenet_synsets()
  assert len(set(synsets)) == 1000
  assert list(synsets) == sorted(synsets)
  assert (synsets[0], synsets[999]) == ('n01440764', 'n15075141')
  assert match(imagenet_labels(), synsets) == (None, '')
  few = [synsets[i] for i in (482, 0)]
  assert match(imagenet_labels(), few)[0].tolist() == [482, 0]
  columns, _ = match(imagenet_labels(background=True), synsets)
  assert columns.tolist() == list(range(1, 1001))


def test_the_background_is_left_aside():
  labels = ('background', 'a', 'b')
  columns, said = match(labels, ['x', 'y'])
  assert columns.tolist() == [1, 2]
  assert 'by number' in said


@pytest.mark.parametrize(
  ('labels', 'wanted', 'says'),
  [
    (PETS, ['dog', 'catt'], "class 'catt' that net does not know.*mean 'cat'"),
    (PETS, ['crane', 'dog'], "'crane' that net does not know, or knows twice"),
    (PETS, ['dog', 'x', 'y', 'z', 'u'], "a class 'x'"),  # not by number
    (PETS, ['x', 'y', 'z', 'u'], r"5 classes, .* 4 \('x', 'y', 'z', \.\.\.\)"),
    (PETS[:2], ['dog', 'Dog'], 'are one class of net'),
  ],
)
def test_classes_that_the_network_does_not_know(labels, wanted, says):
  with pytest.raises(UserError, match=says):
    match(labels, wanted)


def test_unknown_names_need_the_same_number():
  with pytest.raises(
    UserError, match='net has 1000 classes, folder:pets has 2'
  ):
    match((), ['a', 'b'], count=1000)
