"""An image that is decoded late holds what one decoded at once holds."""

import numpy as np
import pytest
from PIL import ExifTags, Image

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data import images
from mobilenet_jax.data.images import lazy_image, open_image
from mobilenet_jax.data.sources import open_source
from tests.data.pictures import fill, picture


def test_of_a_folder(tmp_path):
  for name in ('a', 'b'):
    fill(tmp_path / name, 6, suffix='jpg')
  picture(7).convert('RGBA').save(tmp_path / 'a' / 'clear.png')
  picture(8).convert('L').save(tmp_path / 'b' / 'grey.jpg')
  turned = Image.Exif()
  turned[ExifTags.Base.Orientation] = 6
  picture(9).save(tmp_path / 'b' / 'turned.jpg', exif=turned)
  source = open_source(f'folder:{tmp_path}', 'train+validation+test')
  assert len(source) == 15
  for i in range(len(source)):
    image, label = source.examples.opened(i)
    assert image.mode == 'RGB' and label == source[i]['label']
    np.testing.assert_array_equal(np.asarray(image), source[i]['image'])


def test_a_part_of_a_large_jpeg_is_decoded_small(tmp_path):
  picture(1, (800, 600)).save(tmp_path / 'large.jpg')
  image = lazy_image(tmp_path / 'large.jpg')
  image.draft('RGB', (100, 75))
  assert image.size == (100, 75)


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
  picture(1).save(tmp_path / 'a.jpg')
  monkeypatch.setattr(images, 'MAX_PIXELS', 100)
  for read in (lazy_image, open_image):
    with pytest.raises(UserError, match='pixels'):
      read(tmp_path / 'a.jpg')
