"""Sources read any labelled TFDS set, and name what is wrong with one."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data import pipeline, sources

NAME = 'digit_scenes/32'


@pytest.fixture
def damaged(data_dir, tmp_path):
  """A copy of the data that a test may spoil."""
  return pathlib.Path(shutil.copytree(data_dir, tmp_path / 'copy'))


def shard(root):
  return next(root.rglob('*-train.array_record*'))


def test_importing_the_room_imports_neither_jax_nor_tensorflow():
  code = (
    'import sys, mobilenet_jax.data.pipeline;'
    'print([m for m in ("jax", "tensorflow", "grain") if m in sys.modules])'
  )
  done = subprocess.run(
    [sys.executable, '-c', code], capture_output=True, text=True, check=True
  )
  assert done.stdout.strip() == '[]'


def test_a_source_knows_its_name_length_and_classes(train):
  assert (train.name, train.split, len(train)) == (NAME, 'train', 60)
  assert train.num_classes == 10
  assert train.class_names == tuple('0123456789')
  assert set(train[0]) == {'image', 'label'}
  assert train[0]['image'].shape == (32, 32, 3)
  assert train[0]['image'].dtype == np.uint8
  with pytest.raises(IndexError):
    train[60]


def test_a_slice_of_a_split_is_that_part_of_it(train, data_dir):
  tail = sources.open_source(NAME, 'train[50%:]', data_dir)
  assert len(tail) == 30
  np.testing.assert_array_equal(tail[0]['image'], train[30]['image'])


def test_an_image_opened_late_is_the_same(data_dir):
  source = sources.open_source(NAME, 'test', data_dir)
  image, label = source.examples.opened(3)
  np.testing.assert_array_equal(np.asarray(image), source[3]['image'])
  assert label == source[3]['label']


def test_cached_equals_uncached_and_tells_progress(data_dir):
  source = sources.open_source(NAME, 'test', data_dir, fields=('mask',))
  seen = []
  cached = sources.cache_in_memory(source, progress=lambda *n: seen.append(n))
  assert isinstance(cached.examples, sources.Columns)
  assert seen[-1] == (40, 40)
  for a, b in zip(source, cached, strict=True):
    assert a['label'] == b['label'] and isinstance(b['label'], int)
    np.testing.assert_array_equal(a['image'], b['image'])
    np.testing.assert_array_equal(a['mask'], b['mask'])


def test_what_does_not_fit_is_not_cached(train):
  assert sources.cache_in_memory(train, max_bytes=60 * 32 * 32 * 3) is train


def test_images_of_several_shapes_are_not_cached():
  mixed = [
    {'image': np.zeros((8, side, 3), np.uint8), 'label': 0} for side in (8, 9)
  ]
  source = sources.Source('mixed', 'train', ('a',), mixed)
  assert sources.cache_in_memory(source) is source


def test_any_tfds_set_takes_the_same_path():
  with tfds.testing.mock_data(num_examples=12):
    source = sources.open_source('cifar10', 'train', say=lambda _: None)
    cached = sources.cache_in_memory(source)
  assert source.num_classes == 10
  batch = next(pipeline.train_batches(cached, batch=4, seed=0, resolution=24))
  assert batch['image'].shape == (4, 24, 24, 3)


@pytest.mark.parametrize(
  ('name', 'split', 'fields', 'words'),
  [
    ('digit_scene/32', 'train', (), "Did you mean 'digit_scenes'?"),
    ('digit_scenes/48', 'train', (), "no config '48'; it has 64, 32, 96."),
    (NAME, 'valid', (), "no split 'valid'; it has train, validation, test"),
    (NAME, 'train[:80', (), "no split 'train[:80'"),
    (
      NAME,
      'train[:0]',
      (),
      "Split 'train[:0]' of data set 'digit_scenes/32' is empty",
    ),
    (NAME, 'train', ('boxes',), "no field 'boxes'. Did you mean 'bbox'?"),
  ],
)
def test_a_wrong_word_is_named_with_the_right_ones(
  data_dir, name, split, fields, words
):
  with pytest.raises(UserError, match=re.escape(words)):
    sources.open_source(name, split, data_dir, fields=fields)


def test_a_set_that_cannot_be_had_names_the_command(tmp_path, monkeypatch):
  def no_network(*args, **kwargs):
    raise ConnectionError('no route to host\nand much more')

  monkeypatch.setattr(
    tfds.core.DatasetBuilder, 'download_and_prepare', no_network
  )
  with pytest.raises(UserError) as caught:
    sources.open_source('cifar10', 'train', str(tmp_path), say=lambda _: None)
  assert 'ConnectionError: no route to host)' in str(caught.value)
  assert (
    f'`tfds build cifar10 --data_dir={tmp_path} --file_format=array_record`'
    in str(caught.value)
  )


def test_a_truncated_file_is_named(damaged):
  path = shard(damaged)
  os.truncate(path, path.stat().st_size // 2)
  with pytest.raises(UserError, match=f'damaged: record 0 .* in {path} '):
    sources.open_source(NAME, 'train', str(damaged))


def test_a_missing_file_is_named(damaged):
  path = shard(damaged)
  path.unlink()
  with pytest.raises(UserError, match=f'{path}'):
    sources.open_source(NAME, 'train', str(damaged))


def test_a_record_spoilt_in_the_middle_is_named_when_read(damaged):
  path = shard(damaged)
  spoilt = bytearray(path.read_bytes())
  spoilt[70_000:71_000] = bytes(1000)
  path.write_bytes(spoilt)
  source = sources.open_source(NAME, 'train', str(damaged))
  with pytest.raises(UserError, match=f"record [0-9]+ of 'train' in {path}"):
    sources.cache_in_memory(source)


def test_a_label_that_is_no_class_is_named(train, data_dir, monkeypatch):
  real = sources._Records._decode
  monkeypatch.setattr(
    sources._Records,
    '_decode',
    lambda self, key, value: -1 if key == 'label' else real(self, key, value),
  )
  words = r"record 0 of 'train' has label -1; its labels go from 0 to 9"
  with pytest.raises(UserError, match=words):
    sources.open_source(NAME, 'train', data_dir)


@pytest.mark.parametrize('spoil', ['{', None])
def test_a_spoilt_or_missing_description_is_named(damaged, spoil):
  path = next(damaged.rglob('dataset_info.json'))
  if spoil is None:
    path.unlink()
  else:
    path.write_text(spoil)
  with pytest.raises(UserError, match=r'dataset_info\.json'):
    sources.open_source(NAME, 'train', str(damaged))
