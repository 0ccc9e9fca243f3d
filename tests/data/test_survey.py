"""What a data set holds, told true: sizes, counts, damage, duplicates."""

import json

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from mobilenet_jax.core.errors import JobError, UserError
from mobilenet_jax.data import duplicates, sheet
from mobilenet_jax.data.sources import Columns, Source
from mobilenet_jax.data.survey import survey
from tests.data.pictures import fill, picture


@pytest.fixture
def parted(tmp_path):
  """Two classes, split by the user; sides 12 x 10 but for one of 40 x 30."""
  for i, split in enumerate(('train', 'test')):
    for k, name in enumerate(('cat', 'dog')):
      fill(tmp_path / 'set' / split / name, 5 - i, first=100 * i + 50 * k)
  picture(900, (40, 30)).save(tmp_path / 'set' / 'train' / 'cat' / 'big.png')
  return tmp_path / 'set'


def test_a_sound_set(parted):
  found = survey(f'folder:{parted}')
  assert found.problems == found.same == found.near == found.remarks == []
  assert found.splits['train'] == {
    'images': 11,
    'broken': [],
    'width': {'min': 12, 'median': 12, 'max': 40},
    'height': {'min': 10, 'median': 10, 'max': 30},
    'per_class': [6, 5],
  }
  assert found.splits['test']['per_class'] == [4, 4]
  assert found.sheet is None
  found.check()


def test_broken_images_and_duplicates_are_told(parted):
  (parted / 'train' / 'cat' / '3.png').write_bytes(b'')
  copy = parted / 'test' / 'dog' / 'copy.bmp'  # in another format, too
  picture(52).save(copy)
  Image.open(parted / 'train' / 'cat' / '1.png').save(
    parted / 'train' / 'dog' / 'again.png'
  )
  found = survey(f'folder:{parted}')
  (broken,) = found.splits['train']['broken']
  assert broken['image'] == 'train/cat/3.png'
  assert broken['error'].endswith('3.png is empty.')
  assert {frozenset(i['image'] for i in group) for group in found.same} == {
    frozenset({'train/dog/52.png', 'test/dog/copy.bmp'}),
    frozenset({'train/cat/1.png', 'train/dog/again.png'}),
  }
  assert found.problems == [
    '1 of 12 images of train cannot be read.',
    'in more than one split: 1 image.',
    'in more than one class: 1 image.',
  ]
  with pytest.raises(JobError, match='has 3 problems'):
    found.check()
  json.dumps(found.as_json(), allow_nan=False)


def smooth(seed):
  """uint8 [60, 80, 3], a picture with large shapes."""
  noise = np.random.default_rng(seed).normal(size=(60, 80))
  field = ndimage.gaussian_filter(noise, 8)
  field = (field - field.min()) / np.ptp(field) * 255
  return np.repeat(field.astype(np.uint8)[..., None], 3, axis=-1)


def test_near_duplicates_are_saved_again_or_resized(tmp_path):
  for k, name in enumerate(('a', 'b')):
    (tmp_path / name).mkdir()
    for i in range(10):
      Image.fromarray(smooth(10 * k + i)).save(tmp_path / name / f'{i}.png')
  original = Image.fromarray(smooth(3))
  original.save(tmp_path / 'a' / 'poor.jpg', quality=40)
  original.resize((55, 41)).save(tmp_path / 'a' / 'small.png')
  found = survey(f'folder:{tmp_path}')
  assert found.same == [] and found.problems == []
  assert {frozenset(i['image'] for i in pair) for pair in found.near} == {
    frozenset({'a/3.png', 'a/poor.jpg'}),
    frozenset({'a/3.png', 'a/small.png'}),
    frozenset({'a/poor.jpg', 'a/small.png'}),
  }


def test_near_finds_all_pairs_within_three_bits():
  rng = np.random.default_rng(0)
  base = [int(v) for v in rng.integers(1, 2**63, 40)]
  hashes = [
    one ^ sum(1 << int(b) for b in rng.choice(64, k, replace=False))
    for one in base
    for k in (0, 1, 3, 4)
  ]
  hashes += [0, 0]
  expected = [
    (i, k)
    for k in range(160)
    for i in range(k)
    if (hashes[i] ^ hashes[k]).bit_count() <= 3
  ]
  assert duplicates.near(hashes) == sorted(expected)
  assert len(expected) > 80


def test_flat_pictures_are_near_nothing():
  assert duplicates.difference_hash(np.full((8, 8, 3), 90, np.uint8)) == 0


def test_the_sheet_shows_images_and_their_augmentation(parted, tmp_path):
  out = tmp_path / 'out'
  found = survey(f'folder:{parted}', out=str(out))
  assert found.sheet == str(out / 'samples.png')
  assert json.loads((out / 'check.json').read_text()) == found.as_json()
  with Image.open(found.sheet) as drawn:
    pixels = np.asarray(drawn)
  px, gap, caption = 48, sheet.GAP, sheet.CAPTION
  assert pixels.shape == (
    2 * (px + gap + caption) + gap, 8 * (px + gap) + gap, 3,
  )  # fmt: skip
  cells = [
    pixels[gap + caption :][:px, gap + i * (px + gap) :][:, :px]
    for i in range(8)
  ]
  assert len({cell.tobytes() for cell in cells}) == 8
  again = survey(f'folder:{parted}', out=str(out))
  with Image.open(again.sheet) as drawn:
    np.testing.assert_array_equal(np.asarray(drawn), pixels)


def test_augmented_samples_keep_to_their_image():
  image = np.zeros((2, 32, 32, 3), np.uint8)
  image[1] = 255
  source = Source(
    'two', 'train', ('a', 'b'), Columns({'image': image, 'label': np.arange(2)})
  )
  rng = np.random.default_rng(0)
  seen = sheet.augmented(source, np.array([0, 1, 0]), 32, rng)
  assert (seen.shape, seen.dtype) == ((3, 32, 32, 3), np.uint8)
  assert [image.mean() > 127 for image in seen] == [False, True, False]


def test_tfds_sets_are_surveyed_too(data_dir):
  found = survey('digit_scenes/32', ['test', 'train[:50%]'], data_dir)
  assert list(found.splits) == ['test', 'train[:50%]']
  assert found.splits['test']['per_class'] == [4] * 10
  assert found.splits['train[:50%]']['images'] == 30
  assert found.splits['test']['width'] == {'min': 32, 'median': 32, 'max': 32}
  assert found.problems == [] and found.same == []
  everything = survey('digit_scenes/32', (), data_dir)
  assert list(everything.splits) == ['train', 'validation', 'test']


def test_a_folder_with_problems_is_surveyed_nevertheless(parted):
  (parted / 'train' / 'cow').mkdir()
  (parted / 'test' / 'dog').rename(parted / 'test' / 'dogs')
  found = survey(f'folder:{parted}')
  assert [text.split(': ', 1)[1].split(';')[0] for text in found.problems] == [
    "class 'cow' has no images",
    "class 'dogs' of test is not in train. Did you mean 'dog'?",
  ]
  assert found.splits['train']['per_class'] == [6, 0, 5]


def test_what_cannot_be_surveyed(parted, tmp_path):
  with pytest.raises(UserError, match="no split 'tset'"):
    survey(f'folder:{parted}', ['tset'])
  (tmp_path / 'none' / 'a').mkdir(parents=True)
  (tmp_path / 'none' / 'b').mkdir()
  with pytest.raises(UserError, match="classes 'a', 'b' have no images"):
    survey(f'folder:{tmp_path / "none"}')
  with pytest.raises(UserError, match='Cannot write to folder /proc/none'):
    survey(f'folder:{parted}', out='/proc/none')
