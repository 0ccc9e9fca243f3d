"""Batches are a pure function of seed and step, in shapes that never change."""

import itertools
import threading

import numpy as np
import pytest

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data import pipeline, sources


def numbered(count, px=8):
  """A source whose image i and label i both say i."""
  ids = np.arange(count)
  image = np.broadcast_to(
    ids.astype(np.uint8)[:, None, None, None], (count, px, px, 3)
  )
  columns = sources.Columns({'image': image, 'label': ids})
  return sources.Source('numbered', 'train', ('a',) * count, columns)


def take(count, source, **options):
  options = {'batch': 4, 'seed': 0, 'resolution': 8} | options
  batches = pipeline.train_batches(source, **options)
  try:
    return list(itertools.islice(batches, count))
  finally:
    batches.close()


def labels(batches):
  return np.concatenate([batch['label'] for batch in batches])


def assert_same(left, right):
  for a, b in zip(left, right, strict=True):
    np.testing.assert_array_equal(a['label'], b['label'])
    np.testing.assert_array_equal(a['image'], b['image'])


def test_shapes_types_and_range(train):
  (batch,) = take(1, train, resolution=24)
  assert batch['image'].shape == (4, 24, 24, 3)
  assert batch['image'].dtype == np.float32
  assert batch['label'].dtype == np.int32
  assert batch['image'].min() >= -1 and batch['image'].max() <= 1


def test_images_keep_their_labels():
  for batch in take(5, numbered(20), augment=False):
    shown = (batch['image'][:, 0, 0, 0] + 1) * 127.5
    np.testing.assert_allclose(shown, batch['label'], atol=1e-3)


def test_an_epoch_shows_each_image_once_and_the_next_in_another_order():
  seen = labels(take(5, numbered(10)))  # 20 images: a batch straddles
  assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))
  assert list(seen[:10]) != list(seen[10:])
  assert list(seen[:10]) != list(range(10))


@pytest.mark.parametrize('start', [1, 14, 15, 16, 40])
def test_starting_at_a_step_continues_bit_for_bit(train, start):
  whole = take(start + 4, train)  # an epoch is 15 steps
  assert_same(whole[start:], take(4, train, start_step=start))


def test_the_same_seed_repeats_and_another_differs(train):
  assert_same(take(3, train, seed=5), take(3, train, seed=5))
  assert list(labels(take(3, train, seed=5))) != list(
    labels(take(3, train, seed=6))
  )


def test_augmentation_differs_from_epoch_to_epoch():
  textured = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
  columns = sources.Columns({'image': textured, 'label': np.arange(4)})
  source = sources.Source('four', 'train', tuple('abcd'), columns)
  first, second = (
    batch['image'][np.argsort(batch['label'])]
    for batch in take(2, source, resolution=32)
  )
  for a, b in zip(first, second, strict=True):
    assert not np.array_equal(a, b)


def test_cached_and_uncached_give_the_same_batches(train):
  cached = sources.cache_in_memory(train)
  for px in (32, 20):
    assert_same(take(4, train, resolution=px), take(4, cached, resolution=px))


def test_fewer_images_than_a_batch_is_refused():
  words = "numbered 'train' has 3 images, fewer than one batch of 4"
  with pytest.raises(UserError, match=words):
    pipeline.train_batches(numbered(3), batch=4, seed=0, resolution=8)


def test_evaluation_shows_all_in_order_and_pads_with_weight_zero():
  batches = list(pipeline.eval_batches(numbered(10), batch=4, resolution=8))
  assert [list(b['weight']) for b in batches] == [
    [1, 1, 1, 1],
    [1, 1, 1, 1],
    [1, 1, 0, 0],
  ]
  assert list(labels(batches)) == [*range(10), 0, 0]
  assert {b['image'].shape for b in batches} == {(4, 8, 8, 3)}
  assert not batches[-1]['image'][2:].any()
  assert batches[-1]['weight'].dtype == np.float32


def test_an_error_while_reading_reaches_the_caller():
  class Broken:
    def __len__(self):
      return 8

    def __getitem__(self, i):
      raise UserError('record 3 cannot be read')

  source = sources.Source('broken', 'train', ('a',), Broken())
  batches = pipeline.train_batches(source, batch=4, seed=0, resolution=8)
  with pytest.raises(UserError, match='record 3 cannot be read'):
    next(batches)


def test_closing_ends_the_thread():
  before = threading.active_count()
  for _ in range(5):
    take(2, numbered(10))
  for thread in threading.enumerate():
    if thread is not threading.main_thread():
      thread.join(timeout=1)
  assert threading.active_count() <= before
