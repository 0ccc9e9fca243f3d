"""Which part of a picture is taken, and that little of it is decoded."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mobilenet_jax.data.augment import INCEPTION, Augmentation, crops
from mobilenet_jax.data.augment.single import varied

AREA, ASPECT = (0.08, 1.0), (3 / 4, 4 / 3)
BILINEAR = Image.Resampling.BILINEAR


def generator(seed):
  return np.random.Generator(np.random.Philox(seed))


def smooth(width, height):
  """A picture whose colours say where a pixel is."""
  y, x = np.mgrid[:height, :width]
  channels = (255 * x / width, 255 * y / height, 127 + 0 * x)
  return Image.fromarray(np.stack(channels, -1).astype(np.uint8))


def as_jpeg(image, quality=95):
  file = io.BytesIO()
  image.save(file, 'JPEG', quality=quality)
  return Image.open(io.BytesIO(file.getvalue()))  # not decoded


@given(
  width=st.integers(1, 900), height=st.integers(1, 900), seed=st.integers(0)
)
@settings(max_examples=150, deadline=None)
def test_a_crop_lies_inside_and_has_the_wanted_shape(width, height, seed):
  seed %= 2**63
  box = crops.inception_crop(width, height, AREA, ASPECT, generator(seed))
  again = crops.inception_crop(width, height, AREA, ASPECT, generator(seed))
  assert box == again
  left, top, right, bottom = box
  assert 0 <= left < right <= width
  assert 0 <= top < bottom <= height
  w, h = right - left, bottom - top
  if box == crops.middle_crop(width, height, ASPECT):
    return
  # sides were rounded: within half a pixel of an allowed crop
  assert (w + 0.5) * (h + 0.5) >= AREA[0] * width * height
  assert (w - 0.5) / (h + 0.5) <= ASPECT[1]
  assert (w + 0.5) / (h - 0.5) >= ASPECT[0]


@pytest.mark.parametrize(
  ('width', 'height', 'box'),
  [  # what torchvision 0.28.0 falls back to
    (1000, 10, (493, 0, 506, 10)),
    (10, 1000, (0, 493, 10, 506)),
    (300, 20, (136, 0, 163, 20)),
    (500, 375, (0, 0, 500, 375)),
    (1, 1, (0, 0, 1, 1)),
    (1, 5000, (0, 2499, 1, 2500)),
  ],
)
def test_what_is_too_long_gives_its_middle(width, height, box):
  assert crops.middle_crop(width, height, ASPECT) == box


@pytest.mark.parametrize(
  ('width', 'height', 'mean', 'spread'),
  [  # of 20,000 draws of torchvision 0.28.0's RandomResizedCrop
    (500, 375, (0.2170, 0.1384, 0.4348, 0.0315), (0.160, 0.134, 0.216, 0.164)),
    (64, 64, (0.1630, 0.1624, 0.4842, 0.0017), (0.148, 0.149, 0.238, 0.160)),
  ],
)
def test_crops_are_spread_as_torchvisions(width, height, mean, spread):
  rng, found = generator(1), []
  for _ in range(4000):
    left, top, right, bottom = crops.inception_crop(
      width, height, AREA, ASPECT, rng
    )
    w, h = right - left, bottom - top
    share = w * h / (width * height)
    found.append((left / width, top / height, share, np.log(w / h)))
  # five standard errors of both estimates
  np.testing.assert_allclose(
    np.mean(found, 0), mean, atol=5 * 0.24 / np.sqrt(3300)
  )
  np.testing.assert_allclose(np.std(found, 0), spread, atol=0.01)


def test_a_crop_is_scaled_from_where_it_lies():
  image = smooth(200, 100)
  box = (100, 20, 150, 60)
  found = np.asarray(crops.crop_and_resize(image, box, 20, BILINEAR))
  assert found.shape == (20, 20, 3)
  columns = 255 * (100 + (np.arange(20) + 0.5) * 2.5 - 0.5) / 200
  rows = 255 * (20 + (np.arange(20) + 0.5) * 2 - 0.5) / 100
  np.testing.assert_allclose(found[10, :, 0], columns, atol=1.6)
  np.testing.assert_allclose(found[:, 10, 1], rows, atol=1.6)


@pytest.mark.parametrize(
  ('box', 'px', 'scale'),
  [
    ((0, 0, 447, 500), 224, 1),
    ((0, 0, 448, 500), 224, 2),
    ((9, 9, 1009, 909), 224, 4),
    ((0, 0, 4000, 1800), 224, 8),
    ((0, 0, 10, 10), 224, 1),
  ],
)
def test_how_far_a_crop_can_be_reduced(box, px, scale):
  assert crops.reduction(box, px) == scale


@pytest.mark.parametrize('size', [(500, 375), (501, 377), (643, 481)])
@pytest.mark.parametrize('mode', ['RGB', 'L'])
def test_a_jpeg_is_decoded_small_and_looks_the_same(size, mode):
  image = smooth(*size).convert(mode)
  whole, lazy = as_jpeg(image), as_jpeg(image)
  whole.load()
  box = (40, 30, 440, 330)
  small = crops.crop_and_resize(lazy, box, 100, BILINEAR)
  assert lazy.size == (-(-size[0] // 2), -(-size[1] // 2))
  full = crops.crop_and_resize(whole, box, 100, BILINEAR)
  assert whole.size == size
  difference = np.asarray(small).astype(int) - np.asarray(full)
  assert np.abs(difference).max() <= 3
  assert abs(difference.mean()) < 0.3  # half a pixel off would be 0.25 a side


def test_a_crop_that_needs_all_pixels_gets_them():
  image = as_jpeg(smooth(500, 375))
  crops.crop_and_resize(image, (0, 0, 300, 300), 224, BILINEAR)
  assert image.size == (500, 375)


@pytest.mark.parametrize('crop', ['', 'shift', 'inception'])
def test_a_plan_gives_rgb_of_the_wanted_size(crop):
  plan = Augmentation(crop=crop, flip=0.5)
  for mode in ('RGB', 'L', 'CMYK'):
    pixels = varied(smooth(50, 40).convert(mode), plan, 24, generator(0))
    assert (pixels.shape, pixels.dtype) == ((24, 24, 3), np.uint8)


def test_flips_come_as_often_as_wanted():
  image, rng = smooth(16, 16), generator(2)
  plan = Augmentation(flip=0.3)
  flips = [varied(image, plan, 16, rng)[0, 0, 0] > 100 for _ in range(1000)]
  assert np.mean(flips) == pytest.approx(0.3, abs=4 * np.sqrt(0.21 / 1000))
  whole = Augmentation(flip=1.0)
  np.testing.assert_array_equal(
    varied(image, whole, 16, rng), np.asarray(image)[:, ::-1]
  )


def test_inception_depends_on_its_generator_alone():
  image = smooth(60, 50)
  first, again, other = (
    varied(image, INCEPTION, 24, generator(seed)) for seed in (1, 1, 2)
  )
  np.testing.assert_array_equal(first, again)
  assert not np.array_equal(first, other)
