"""Pictures with labels: the picture whole, the labels readable, files safe."""

import numpy as np
import pytest
from PIL import Image

from mobilenet_jax.jobs.annotate import (
  BAR,
  INK,
  MAX_LINES,
  MAX_SIDE,
  PAPER,
  Album,
  annotated,
  shrunk,
)
from mobilenet_jax.tasks.predictions import Prediction

CAT, DOG = Prediction(281, 'tabby cat', 0.75), Prediction(207, 'dog', 0.25)
GREEN = np.full((240, 400, 3), (0, 200, 0), np.uint8)


def share(pixels, colour):
  return float((np.abs(pixels.astype(int) - colour).max(-1) < 8).mean())


def test_the_picture_stays_and_the_labels_stand_beneath():
  sheet = np.asarray(annotated(shrunk(GREEN), [CAT, DOG]))
  assert sheet.shape[1] == 400
  np.testing.assert_array_equal(sheet[:240], GREEN)
  banner = sheet[240:]
  assert 40 <= len(banner) <= 80
  first, second = np.array_split(banner, 2)
  for line, likely in ((first, 0.75), (second, 0.25)):
    assert share(line, INK) > 0.004  # letters
    bar = (np.abs(line.astype(int) - BAR).max(-1) < 8).any(0)
    assert bar.nonzero()[0].max() == pytest.approx(400 * likely, abs=2)
  other = np.asarray(annotated(shrunk(GREEN), [DOG, CAT]))
  assert (other[240:] != banner).any()
  assert share(banner, PAPER) > 0.2


@pytest.mark.parametrize('shape', [(1, 1), (8, 3000), (3000, 8), (32, 32)])
def test_any_shape_of_picture(shape):
  pixels = np.zeros((*shape, 3), np.uint8)
  picture = shrunk(pixels)
  sheet = annotated(picture, [CAT])
  assert max(sheet.width, sheet.height) <= MAX_SIDE + 80
  banner = np.asarray(sheet)[picture.height :]
  assert (np.abs(banner.astype(int) - INK).max(-1) < 8).sum() > 40


def test_long_foreign_and_many_labels_stay_on_the_sheet():
  long = Prediction(0, 'word ' * 100, 0.5)
  blank = annotated(shrunk(GREEN), [Prediction(0, ' ', 0.5)])
  sheet = annotated(shrunk(GREEN), [long])
  same = np.asarray(blank)[240:, -50:] == np.asarray(sheet)[240:, -50:]
  assert same.all()  # the percentage is not written over
  foreign, plain = (
    annotated(shrunk(GREEN), [Prediction(0, name, 0.5)])
    for name in ('Ångström é', 'Angstrom e')
  )
  assert foreign.tobytes() == plain.tobytes()
  many = annotated(shrunk(GREEN), [CAT] * 999)
  assert many.height == annotated(shrunk(GREEN), [CAT] * MAX_LINES).height


def names(folder):
  return sorted(path.name for path in folder.iterdir())


def test_names_never_collide(tmp_path):
  album = Album(tmp_path / 'new' / 'out')
  wanted = ['a.png', 'a.jpg', 'A.webp', '../a.png', '/etc/b.png']
  for name in [*wanted, 'n' * 250 + '.png', '日' * 80, 'caf\udce9.png']:
    path = album.add(name, shrunk(GREEN), [CAT])
    assert path.parent == tmp_path / 'new' / 'out'
    with Image.open(path) as written:
      assert written.size[0] == 400
  found = names(tmp_path / 'new' / 'out')
  assert len(found) == 8
  assert {'a.jpg', 'a-2.jpg', 'A-3.jpg', 'a-4.jpg', 'b.jpg'} <= set(found)


def test_only_its_own_files_are_overwritten(tmp_path):
  mine = tmp_path / 'a.jpg'
  Image.fromarray(GREEN).save(mine)
  (tmp_path / 'b.jpg').write_text('no picture')
  (tmp_path / 'c.jpg').symlink_to(mine)
  before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
  for _ in range(2):  # the second time over the files of the first
    album = Album(tmp_path)
    for name in ('a.png', 'b.png', 'c.png'):
      album.add(name, shrunk(GREEN), [CAT])
    assert names(tmp_path) == sorted([*before, 'a-2.jpg', 'b-2.jpg', 'c-2.jpg'])
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
  # its own, if it is a picture to be annotated now, is kept as well
  album = Album(tmp_path, keep=[tmp_path / 'a-2.jpg'])
  assert album.add('a-2.jpg', shrunk(GREEN), [DOG]).name == 'a-2-2.jpg'
