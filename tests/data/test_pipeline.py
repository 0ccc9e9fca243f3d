"""Batches are a pure function of seed and step, in shapes that never change."""

import hashlib
import io
import itertools
import re
import threading

import numpy as np
import pytest
from PIL import Image

from mobilenet_jax.arch import IMAGENET, ArchSpec, Inputs
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data import pipeline, sources
from mobilenet_jax.data.augment import INCEPTION, Augmentation
from mobilenet_jax.data.preprocess import normalize, preprocess

EVERYTHING = Augmentation(
  crop='inception', flip=0.5, policy='randaugment', magnitude_std=0.5,
  brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, erasing=0.5,
  exposure=0.1, mixup=0.2, cutmix=1.0, repeats=2,
)  # fmt: skip


def numbered(count, px=8):
  """A source whose image i and label i both say i."""
  ids = np.arange(count)
  image = np.broadcast_to(
    ids.astype(np.uint8)[:, None, None, None], (count, px, px, 3)
  )
  columns = sources.Columns({'image': image, 'label': ids})
  return sources.Source('numbered', 'train', ('a',) * count, columns)


def textured(count=20, px=32):
  """A source of noise."""
  rng = np.random.Generator(np.random.Philox(7))
  image = rng.integers(0, 256, (count, px, px, 3), np.uint8)
  columns = sources.Columns({'image': image, 'label': np.arange(count)})
  return sources.Source('textured', 'train', ('a',) * count, columns)


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


def digest(batch):
  joined = b''.join(batch[key].tobytes() for key in sorted(batch))
  return hashlib.sha256(joined).hexdigest()[:16]


@pytest.mark.parametrize(
  ('options', 'digests'),
  [
    ({}, ['f753d580429373d6', '4069a09791f59e45', '27281200b04ca182']),
    (
      {'augment': False},
      ['b8da21525f234471', '6893aab40a23bebc', 'a40856ee0f5914f8'],
    ),
  ],
)
def test_committed_results_saw_these_very_batches(options, digests):
  """Bit for bit; what changes them changes every result in experiments/."""
  batches = take(5, textured(), batch=8, seed=3, resolution=32, **options)
  assert [digest(batches[k]) for k in (0, 1, 4)] == digests


def test_committed_results_were_evaluated_on_these_very_batches():
  batches = pipeline.eval_batches(textured(), batch=8, resolution=32)
  digests = ['590d51b74bbd90e1', '871ab373cc1ac0dc', '6536a3d8fe5bf39a']
  assert [digest(batch) for batch in batches] == digests


@pytest.mark.parametrize(
  'augment',
  [False, pipeline.SHIFT_AND_JITTER, INCEPTION, EVERYTHING],
  ids=['none', 'default', 'inception', 'everything'],
)
@pytest.mark.parametrize('count', [2, 4])
def test_the_parts_of_all_processes_are_the_batch_of_one(augment, count):
  options = {'batch': 16, 'resolution': 32, 'augment': augment}
  whole = take(3, textured(), **options)
  parts = [
    take(3, textured(), shard=(index, count), **options)
    for index in range(count)
  ]
  for step, batch in enumerate(whole):
    for key, value in batch.items():
      joined = np.concatenate([part[step][key] for part in parts])
      np.testing.assert_array_equal(joined, value)


def test_everything_at_once_continues_bit_for_bit():
  options = {'batch': 8, 'resolution': 24, 'augment': EVERYTHING}
  whole = take(9, textured(), **options)  # an epoch is 5 steps
  assert_same(whole[6:], take(3, textured(), start_step=6, **options))
  assert_same(whole, take(9, textured(), threads=3, **options))
  assert len({digest(batch) for batch in whole}) == 9


def test_mixed_labels_are_shares_of_two_classes():
  plan = Augmentation(mixup=0.8, cutmix=1.0)
  smooth = sharp = 0
  for batch in take(30, numbered(20), augment=plan):
    shares, ids = batch['label'], (batch['image'] + 1) * 127.5
    assert (shares.shape, shares.dtype) == ((4, 20), np.float32)
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-6)
    assert ((shares > 0).sum(1) <= 2).all()
    # image i says i: what is seen is what the label says
    mean = ids.mean((1, 2, 3), np.float64)
    np.testing.assert_allclose(mean, shares @ np.arange(20), atol=1e-3)
    constant = np.ptp(ids, axis=(1, 2, 3)) < 1e-3
    smooth, sharp = smooth + constant.all(), sharp + (not constant.any())
  assert smooth > 5
  assert sharp > 5


def test_repeats_show_an_image_again_in_the_batch_otherwise_varied():
  plan = Augmentation(crop='inception', repeats=3)
  batches = take(4, textured(), batch=15, resolution=32, augment=plan)
  for batch in batches:
    first, second, third = batch['label'].reshape(3, 5)
    assert list(first) == list(second) == list(third)
    assert len(set(first)) == 5
    views = batch['image'].reshape(3, 5, -1)
    assert not (views[0] == views[1]).all(1).any()
    assert not (views[1] == views[2]).all(1).any()
  once = labels([{'label': batch['label'][:5]} for batch in batches])
  assert sorted(once) == list(range(20))  # an epoch


@pytest.mark.parametrize('exposure', [0.0, 1e-9])
def test_numbers_are_those_of_the_networks_inputs(exposure):
  plan = Augmentation(exposure=exposure)
  (plain,) = take(1, textured(), resolution=32, augment=False)
  (found,) = take(1, textured(), resolution=32, augment=plan, inputs=IMAGENET)
  pixels = np.round((plain['image'] + 1) * 127.5).astype(np.uint8)
  np.testing.assert_allclose(
    found['image'], normalize(pixels, IMAGENET), atol=2e-6
  )


def test_evaluation_prepares_other_sizes_as_the_network_wants():
  inputs = Inputs(
    mean=IMAGENET.mean, std=IMAGENET.std, crop=0.9, interpolation='bicubic'
  )
  spec = ArchSpec(name='x', resolution=24, blocks=(), inputs=inputs)
  source = textured(6, 40)
  batches = pipeline.eval_batches(
    source, batch=4, resolution=24, inputs=inputs, threads=2
  )
  wanted = preprocess(source.examples.arrays['image'], spec)
  found = np.concatenate([batch['image'] for batch in batches])
  np.testing.assert_array_equal(found[:6], wanted)
  assert not found[6:].any()


@pytest.mark.parametrize(
  ('options', 'words'),
  [
    ({'shard': (2, 2)}, 'Process 2 of 2: processes are numbered from 0.'),
    (
      {'batch': 9, 'shard': (0, 2)},
      (
        'A batch of 9 images does not divide into whole images for 2 processes;'
        ' make it a multiple of 2.'
      ),
    ),
    (
      {'batch': 6, 'shard': (0, 2), 'augment': Augmentation(mixup=0.1)},
      (
        'A batch of 6 images does not divide into whole pairs of images for 2'
        ' processes; make it a multiple of 4.'
      ),
    ),
    (
      {'augment': Augmentation(repeats=3)},
      (
        'A batch of 4 images is not made of images shown 3 times; make it a'
        ' multiple of 3.'
      ),
    ),
  ],
)
def test_a_batch_that_cannot_be_divided_is_refused(options, words):
  with pytest.raises(UserError, match=re.escape(words)):
    take(1, numbered(20), **options)


class Files:
  """Examples that are files; counts how they were read."""

  def __init__(self, files):
    self.files, self.decoded = files, 0

  def __len__(self):
    return len(self.files)

  def __getitem__(self, i):
    self.decoded += 1
    image, label = self.opened(i)
    return {'image': np.asarray(image.convert('RGB')), 'label': label}

  def opened(self, i):
    return Image.open(io.BytesIO(self.files[i])), i


def encoded(form, **options):
  """Files of one picture of 120 x 90 pixels, in all colours."""
  y, x = np.mgrid[:90, :120] / 120
  files = []
  for i in range(8):
    pixels = np.stack([x * 250, y * 250, 0 * x + 30 * i], -1).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, **options)
    files.append(file.getvalue())
  return files


def from_files(files):
  return sources.Source('files', 'train', ('a',) * len(files), Files(files))


@pytest.mark.parametrize(('form', 'atol'), [('PNG', 0), ('JPEG', 0.05)])
def test_files_are_decoded_once_and_give_the_same_images(form, atol):
  lazy = from_files(encoded(form))
  eager = sources.cache_in_memory(from_files(encoded(form)))
  plan = Augmentation(crop='inception', area=(0.5, 1.0), flip=0.5)
  options = {'batch': 4, 'resolution': 24, 'augment': plan}
  for a, b in zip(
    take(3, lazy, **options), take(3, eager, **options), strict=True
  ):
    np.testing.assert_array_equal(a['label'], b['label'])
    np.testing.assert_allclose(a['image'], b['image'], atol=atol)
  assert lazy.examples.decoded == 0


@pytest.mark.parametrize('spoil', [lambda f: f[: len(f) // 2], lambda f: b'x'])
def test_a_file_that_cannot_be_decoded_is_named(spoil):
  files = [spoil(file) for file in encoded('JPEG')]
  words = r"Image train \d of files 'train' cannot be read: "
  with pytest.raises(UserError, match=words):
    take(1, from_files(files), resolution=24, augment=INCEPTION)


def test_closing_ends_the_thread():
  before = threading.active_count()
  for threads in (1, 1, 1, 3):
    take(2, numbered(10), threads=threads)
  for thread in threading.enumerate():
    if thread is not threading.main_thread():
      thread.join(timeout=1)
  assert threading.active_count() <= before
