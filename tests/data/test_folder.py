"""A folder of images is a source: its splits, its order, its damage."""

import errno
import os
import re
import time

import numpy as np
import pytest
from PIL import ExifTags, Image

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data import damage, folder_walk, images, pipeline
from mobilenet_jax.data.augment import Augmentation
from mobilenet_jax.data.checks import check_labels
from mobilenet_jax.data.pipeline import check_batch
from mobilenet_jax.data.sources import (
  Columns,
  Source,
  cache_in_memory,
  open_source,
  split_names,
)
from tests.data.pictures import SIDES, fill, picture

ALL = ('train', 'validation', 'test')
GOLDEN_TEST = [
  'Aster/110.png',
  'daisy/217.png',
  'tulip/16.png',
  'Aster/108.png',
  'daisy/204.png',
  'tulip/17.png',
]  # the two of each class with the least SHA-256


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path_factory):
  monkeypatch.setenv(
    'MOBILENET_JAX_CACHE', str(tmp_path_factory.mktemp('cache'))
  )


@pytest.fixture
def flat(tmp_path):
  """Three classes of twenty images, not split."""
  for i, name in enumerate(('tulip', 'Aster', 'daisy')):
    fill(tmp_path / 'set' / name, 20, first=100 * i)
  return tmp_path / 'set'


@pytest.fixture
def parted(tmp_path):
  """Two classes in train, val and test, of other images each."""
  for i, (split, count) in enumerate((('train', 6), ('val', 4), ('test', 2))):
    for k, name in enumerate(('cat', 'dog')):
      fill(tmp_path / 'set' / split / name, count, first=100 * i + 50 * k)
  return tmp_path / 'set'


def opened(root, split, **options):
  said = []
  source = open_source(f'folder:{root}', split, say=said.append, **options)
  return source, said


def paths(root, split):
  source, _ = opened(root, split)
  return [source.image_name(i) for i in range(len(source))]


def test_a_folder_is_cut_by_class_and_every_image_is_in_one_split(flat):
  assert split_names(f'folder:{flat}') == ALL
  seen = [path for split in ALL for path in paths(flat, split)]
  assert len(seen) == len(set(seen)) == 60
  for split, count in zip(ALL, (16, 2, 2), strict=True):
    source, said = opened(flat, split)
    assert source.class_names == ('Aster', 'daisy', 'tulip')
    assert list(np.bincount(source.labels)) == [count] * 3
    assert said == []


def test_images_are_read_with_their_labels(flat):
  source, _ = opened(flat, 'train')
  for i in range(len(source)):
    name, number = source.image_name(i).split('/')
    assert source.class_names[source[i]['label']] == name
    expected = np.asarray(picture(int(number.removesuffix('.png'))))
    np.testing.assert_array_equal(source[i]['image'], expected)


def test_the_cut_follows_from_the_paths_alone(flat, tmp_path):
  before = {split: paths(flat, split) for split in ALL}
  flat.rename(tmp_path / 'elsewhere')
  again = {split: paths(tmp_path / 'elsewhere', split) for split in ALL}
  assert again == before
  # golden: another cut would mix a trained network's test images into training
  assert before['test'] == GOLDEN_TEST


def test_one_more_image_moves_few_others(flat):
  before = {split: set(paths(flat, split)) for split in ALL}
  fill(flat / 'daisy', 1, first=777)
  for split in ALL:
    assert len(set(paths(flat, split)) - before[split]) <= 1


@pytest.mark.parametrize(
  ('count', 'sizes'),
  [(1, (1, 0, 0)), (2, (1, 0, 1)), (3, (1, 1, 1)), (20, (16, 2, 2))],
)
def test_small_classes_are_in_every_split_from_three_images_on(
  tmp_path, count, sizes
):
  fill(tmp_path / 'few', count)
  fill(tmp_path / 'many', 30, first=100)
  for split, size in zip(ALL, sizes, strict=True):
    source, _ = opened(tmp_path, split)
    assert np.sum(source.labels == 0) == size


def test_parts_have_their_share_of_every_class_and_are_disjoint(flat):
  head, tail = paths(flat, 'train[:75%]'), paths(flat, 'train[75%:]')
  assert head + tail == paths(flat, 'train')
  assert [sum(p.startswith('daisy') for p in h) for h in (head, tail)] == [
    12,
    4,
  ]
  assert paths(flat, 'train[5:9]') == paths(flat, 'train')[5:9]
  assert paths(flat, 'val[-2:]') == paths(flat, 'validation')[-2:]
  both = paths(flat, 'val+test[:50%]')
  assert both == paths(flat, 'validation') + paths(flat, 'test')[:3]


def test_split_folders_are_the_splits(parted):
  assert split_names(f'folder:{parted}') == ALL
  for split, count in (('train', 12), ('validation', 8), ('test', 4)):
    source, said = opened(parted, split)
    assert (len(source), source.class_names) == (count, ('cat', 'dog'))
    folder = {'validation': 'val'}.get(split, split)
    assert all(path.startswith(f'{folder}/') for path in paths(parted, split))
    assert said == []
  assert paths(parted, 'val') == paths(parted, 'validation')
  labels = opened(parted, 'train[:50%]')[0].labels
  assert list(np.bincount(labels)) == [3, 3]


def test_a_class_may_be_called_test(tmp_path):
  for i, name in enumerate(('test', 'real')):
    fill(tmp_path / name, 4, first=10 * i)
  assert opened(tmp_path, 'train')[0].class_names == ('real', 'test')


def test_what_is_no_picture_is_ignored(flat):
  count = len(paths(flat, 'train'))
  (flat / 'daisy' / 'notes.txt').write_text('no picture')
  (flat / 'daisy' / '._0.png').write_bytes(b'a Mac was here')
  (flat / 'daisy' / 'folder.png').mkdir()
  fill(flat / '.git', 3)
  fill(flat / '__MACOSX', 3)
  source, said = opened(flat, 'train')
  assert (len(source), source.num_classes, said) == (count, 3, [])


def test_deeper_folders_belong_to_their_class(flat):
  fill(flat / 'daisy' / 'garden' / 'may', 10, first=500)
  source, _ = opened(flat, 'train')
  assert list(np.bincount(source.labels)) == [16, 24, 16]


def test_links_that_leave_the_folder_are_not_followed(flat, tmp_path):
  fill(tmp_path / 'outside', 2, first=900)
  before = paths(flat, 'train')
  (flat / 'daisy' / 'x.png').symlink_to(tmp_path / 'outside' / '900.png')
  (flat / 'oxlip').symlink_to(tmp_path / 'outside')
  (flat / 'daisy' / 'loop').symlink_to(flat)
  source, said = opened(flat, 'train')
  assert [source.image_name(i) for i in range(len(source))] == before
  assert len(said) == 1
  assert '3 links to a folder or out of this one, not followed' in said[0]


def test_a_link_within_the_folder_is_a_file(flat):
  (flat / 'daisy' / 'x.png').symlink_to(flat / 'daisy' / '200.png')
  assert any('daisy/x.png' in paths(flat, split) for split in ALL)


def test_photos_stand_upright(tmp_path):
  fill(tmp_path / 'a', 1)
  (tmp_path / 'b').mkdir()
  exif = Image.Exif()
  exif[ExifTags.Base.Orientation] = 6
  picture(1).save(tmp_path / 'b' / '1.jpg', exif=exif)
  source, _ = opened(tmp_path, 'train')
  turned = source[[source.image_name(i) for i in (0, 1)].index('b/1.jpg')]
  assert turned['image'].shape == (SIDES[0], SIDES[1], 3)


def spoil(root):
  """Breaks four images, each in its way; returns their paths."""
  names = [path for path in paths(root, 'train') if 'daisy' in path][:4]
  empty, cut, text, huge = (root / name for name in names)
  empty.write_bytes(b'')
  cut.write_bytes(cut.read_bytes()[:80])
  text.write_text('no picture')
  data = bytearray(huge.read_bytes())
  data[16:24] = b'\0\0\xff\xff' * 2  # 65535 x 65535 pixels
  huge.write_bytes(data)
  return names


def test_broken_images_are_named_counted_and_left_out(flat):
  before = paths(flat, 'train')
  broken = spoil(flat)
  source, said = opened(flat, 'train')
  left = [source.image_name(i) for i in range(len(source))]
  assert left == [path for path in before if path not in broken]
  assert [source.class_names[k] for k in source.labels] == [
    path.split('/')[0] for path in left
  ]
  assert len(said) == 1
  assert said[0].startswith(
    f"folder:{flat} 'train': 4 of 48 images cannot be read: "
  )
  assert said[0].endswith('they are left out.')
  order = sorted(broken, key=before.index)
  found = damage.find_broken(flat, before, 'checking')
  assert list(found) == order
  assert found[broken[0]] == f'{flat / broken[0]} is empty.'
  for path, word in zip(
    broken[1:], ('Cannot read', 'is no image', ''), strict=True
  ):
    assert str(flat / path) in found[path] and word in found[path]
  assert len(list(source)) == 44  # all others are read


def test_a_truncated_jpeg_is_found_as_when_it_is_decoded_whole(tmp_path):
  for name in 'ab':
    fill(tmp_path / name, 4, suffix='jpg', first=ord(name))
  victim = tmp_path / 'a' / '98.jpg'
  victim.write_bytes(victim.read_bytes()[:-40])
  said = damage.fault(victim)
  assert 'truncated' in said
  assert damage.fault(tmp_path / 'a' / '97.jpg') == ''


def test_strict_refuses_broken_images(flat):
  broken = spoil(flat)
  with pytest.raises(UserError, match='4 of 48 images cannot be read') as error:
    opened(flat, 'train', strict=True)
  assert sum(path in str(error.value) for path in broken) == 3
  assert opened(flat, 'validation', strict=True)[1] == []


def test_a_split_of_broken_images_only_is_refused(parted):
  for path in (parted / 'test').rglob('*.png'):
    path.write_bytes(b'')
  with pytest.raises(UserError, match=r'4 of 4 .* none is left'):
    opened(parted, 'test')


def test_what_is_known_of_images_is_remembered_until_one_changes(
  flat, monkeypatch
):
  broken = spoil(flat)
  first, said = opened(flat, 'train')
  calls = []
  real = damage.fault
  monkeypatch.setattr(
    damage, 'fault', lambda path: calls.append(path) or real(path)
  )
  second, again = opened(flat, 'train')
  assert (calls, again) == ([], said)
  assert second.examples.paths == first.examples.paths
  time.sleep(0.02)  # a file system's clock may be coarse
  picture(3).save(flat / broken[0])
  third, _ = opened(flat, 'train')
  assert len(calls) == 48
  assert len(third) == len(first) + 1


def test_a_spoilt_memory_is_not_believed(flat, monkeypatch, tmp_path):
  monkeypatch.setenv('MOBILENET_JAX_CACHE', str(tmp_path / 'memory'))
  count = len(opened(flat, 'train')[0])
  (memory,) = (tmp_path / 'memory' / 'checked').iterdir()
  for text in ('{', '[]', '{"daisy/none.png": "gone"}', '{"x": 3}'):
    memory.write_text(text)
    assert len(opened(flat, 'train')[0]) == count
    assert memory.read_text() == '{}\n'


def test_an_unwritable_cache_goes_without(flat, monkeypatch):
  monkeypatch.setenv('MOBILENET_JAX_CACHE', '/proc/none')
  assert len(opened(flat, 'train')[0]) == 48


def test_a_file_that_the_system_withholds_is_not_called_broken(
  flat, monkeypatch
):
  def withhold(*args, **kwargs):
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

  with monkeypatch.context() as patch:
    patch.setattr(images.Image, 'open', withhold)
    assert 'Too many open files' in mistake(flat)
  assert len(opened(flat, 'train')[0]) == 48  # nothing was remembered


@pytest.mark.filterwarnings('ignore:::PIL')
@pytest.mark.parametrize('kind', ['jpg', 'png', 'webp', 'gif', 'bmp'])
def test_the_check_finds_what_reading_would(tmp_path, kind):
  """Of files with a wrong byte, or cut short."""
  picture(0, (40, 32)).save(tmp_path / f'good.{kind}')
  good = (tmp_path / f'good.{kind}').read_bytes()
  rng = np.random.default_rng(0)
  path, verdicts = tmp_path / f'bad.{kind}', []
  for i in range(60):
    data = bytearray(good)
    at = int(rng.integers(len(data)))
    if i % 2:
      data = data[:at]
    else:
      data[at] ^= int(rng.integers(1, 256))
    path.write_bytes(data)
    try:
      images.open_image(path)
      verdicts.append(True)
    except UserError:
      verdicts.append(False)
    assert (damage.fault(path) == '') == verdicts[-1], (i, at)
  assert not all(verdicts)


def test_a_vanished_file_is_named(flat):
  source, _ = opened(flat, 'train')
  (flat / source.image_name(5)).unlink()
  with pytest.raises(UserError, match=re.escape(source.image_name(5))):
    source[5]


def mistake(root, split='train', **options):
  with pytest.raises(UserError) as error:
    opened(root, split, **options)
  return str(error.value)


def test_a_class_without_images_is_refused(flat):
  (flat / 'rose').mkdir()
  (flat / 'rose' / 'photo.heic').write_bytes(b'..')
  said = mistake(flat)
  assert "class 'rose' has no images" in said
  assert '.jpg' in said


def test_a_class_that_training_does_not_know_is_refused(parted):
  (parted / 'val' / 'dog').rename(parted / 'val' / 'dgo')
  assert (
    "class 'dgo' of validation is not in train. Did you mean 'dog'?"
    in mistake(parted)
  )


def test_a_class_that_a_held_out_split_lacks_is_remarked(parted):
  for path in (parted / 'val' / 'dog').iterdir():
    path.unlink()
  _, said = opened(parted, 'train')
  assert said == [f"folder:{parted}: class 'dog' has no images in validation."]
  assert opened(parted, 'validation')[1] == []  # it has been said


def test_one_class_is_refused(tmp_path):
  fill(tmp_path / 'flowers' / 'daisy', 3)
  fill(tmp_path / 'flowers' / 'tulip', 3, first=10)
  assert "one class only, 'flowers'" in mistake(tmp_path)


def test_no_subfolders(tmp_path):
  fill(tmp_path, 3)
  said = mistake(tmp_path)
  assert said.startswith(f'folder:{tmp_path} has no subfolders')
  assert 'CLASS/IMAGE.jpg' in said


def test_a_path_that_does_not_exist_names_its_neighbour(flat):
  near = flat.parent / 'sett'
  said = mistake(near)
  assert said == f"There is no folder {str(near)!r}. Did you mean 'set'?"
  assert "Did you mean 'set'?" in mistake(flat.parent / 'stet' / 'train')
  file = flat / 'daisy' / '200.png'
  assert mistake(file) == (
    f"{str(file)!r} of 'folder:{file}' is a file, not a folder."
  )
  assert mistake('') == "'folder:' names no folder; write folder:PATH."
  assert 'no folder' in mistake('x\0y')


def test_a_plain_path_is_told_the_prefix(flat):
  with pytest.raises(UserError, match=f'it is called folder:{flat}'):
    open_source(str(flat), 'train', say=lambda _: None)
  with pytest.raises(UserError, match=r"'\./none' is no TFDS name; a folder"):
    open_source('./none', 'train', say=lambda _: None)


@pytest.mark.parametrize(
  'split', ['trian', 'train[:80', 'train[:999]', 'all[:50%]', '', '+', 'tr ain']
)
def test_a_wrong_split_is_named_with_the_right_ones(flat, split):
  assert mistake(flat, split) == (
    f"Data set 'folder:{flat}' has no split {split!r}; it has train,"
    " validation, test, and parts of them such as 'train[:80%]'."
  )


def test_an_empty_part_is_named(flat):
  said = f"Split 'train[:0]' of data set 'folder:{flat}' is empty."
  assert mistake(flat, 'train[:0]') == said


def test_a_split_that_is_there_twice(parted):
  fill(parted / 'validation' / 'cat', 1)
  assert "'val' and 'validation' both are the validation" in mistake(parted)


def test_folders_beside_the_splits_and_loose_images_are_remarked(parted):
  fill(parted / 'annotations', 2)
  fill(parted, 1)
  fill(parted / 'train', 1)
  _, said = opened(parted, 'train')
  assert said == [
    f"folder:{parted}: not used beside the splits: 'annotations'.",
    f'folder:{parted}: not used, being in no class folder: 2 images.',
  ]


def test_look_alike_classes_are_remarked(flat):
  fill(flat / 'Daisy ', 5, first=600)
  _, said = opened(flat, 'train')
  assert len(said) == 1
  assert "classes 'Daisy ' and 'daisy' look alike" in said[0]


def test_a_class_of_unprintable_name_is_refused(flat):
  (flat / 'daisy').rename(flat / 'dai\x1b[2Jsy')
  assert r"a class is called 'dai\x1b[2Jsy'" in mistake(flat)


def test_folders_have_bounds(flat, monkeypatch):
  deep = flat / 'daisy'
  for _ in range(folder_walk.MAX_DEPTH + 1):
    deep = deep / 'x'
  deep.mkdir(parents=True)
  assert 'folders deep' in mistake(flat)
  monkeypatch.setattr(folder_walk, 'MAX_FILES', 30)
  assert 'more than 30 files' in mistake(flat)


def test_a_folder_has_no_other_fields(flat):
  assert "has no field 'bbox'" in mistake(flat, fields=('bbox',))


def test_batches_of_twenty_images_a_class_repeat_bit_for_bit(flat):
  source, _ = opened(flat, 'train')
  made = []
  for start in (0, 3):
    batches = pipeline.train_batches(
      source, batch=16, seed=1, resolution=16, start_step=start
    )
    made.append([next(batches) for _ in range(5 - start)])
    batches.close()
  for a, b in zip(made[0][3:], made[1], strict=True):
    np.testing.assert_array_equal(a['image'], b['image'])
    np.testing.assert_array_equal(a['label'], b['label'])


def test_the_fingerprint_tells_whether_the_images_are_the_same(flat, tmp_path):
  prints = [opened(flat, 'train')[0].fingerprint()]
  assert opened(flat, 'train')[0].fingerprint() == prints[0]
  spoil(flat)
  prints.append(opened(flat, 'train')[0].fingerprint())
  prints.append(opened(flat, 'train[:90%]')[0].fingerprint())
  (flat / 'tulip').rename(flat / 'crocus')
  prints.append(opened(flat, 'train')[0].fingerprint())
  assert len(set(prints)) == 4
  flat.rename(tmp_path / 'moved')
  moved, _ = opened(tmp_path / 'moved', 'train')
  cached = cache_in_memory(moved)
  assert isinstance(cached.examples, Columns)
  assert moved.fingerprint() == cached.fingerprint() == prints[-1]


def test_a_source_is_checked_before_training(flat):
  said = []
  source, _ = opened(flat, 'train[:2]')
  check_labels(source, said.append)
  check_batch(source, 2, Augmentation())
  assert said == [f"folder:{flat} 'train[:2]' has no images of 'tulip'."]
  with pytest.raises(UserError, match='2 images, fewer than one batch of 3;'):
    check_batch(source, 3, Augmentation())
  check_batch(source, 8, Augmentation(repeats=4))  # of two images


def test_a_label_that_is_no_class_is_named():
  images = np.zeros((3, 4, 4, 3), np.uint8)
  columns = Columns({'image': images, 'label': np.array([0, 1, 2])})
  source = Source('mine', 'train', ('a', 'b'), columns)
  with pytest.raises(
    UserError,
    match="mine 'train': image train 2 has label 2; labels go from 0 to 1",
  ):
    check_labels(source, print)
