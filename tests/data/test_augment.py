"""Augmentation keeps shapes, ranges and meaning, and repeats with its rng."""

import numpy as np
import pytest

from mobilenet_jax.data import augment


def rng():
  return np.random.Generator(np.random.Philox(3))


@pytest.fixture
def images():
  return np.random.default_rng(0).integers(0, 256, (5, 12, 12, 3), np.uint8)


def test_shift_moves_whole_images_and_mirrors_the_edge(images):
  shifted = augment.random_shift(images, rng(), 2)
  offsets = rng().integers(0, 5, (5, 2))
  for before, after, (y, x) in zip(images, shifted, offsets, strict=True):
    padded = np.pad(before, ((2, 2), (2, 2), (0, 0)), mode='reflect')
    np.testing.assert_array_equal(after, padded[y : y + 12, x : x + 12])
  assert len({tuple(offset) for offset in offsets}) > 1


def test_no_shift_is_no_change(images):
  np.testing.assert_array_equal(augment.random_shift(images, rng(), 0), images)


def test_one_image_may_come_alone(images):
  image = images[0]
  assert augment.random_shift(image, rng(), 2).shape == image.shape
  floats = augment.to_float(image)
  assert augment.color_jitter(floats, rng()).shape == image.shape


def test_to_float_maps_black_to_minus_one_and_white_to_one():
  out = augment.to_float(np.array([0, 255], np.uint8))
  np.testing.assert_allclose(out, [-1, 1], atol=1e-6)
  assert out.dtype == np.float32


def test_jitter_is_one_gain_and_one_offset_an_image(images):
  floats = augment.to_float(images) / 4  # far from clipping
  jittered = augment.color_jitter(floats, rng(), 0.2)
  assert jittered.dtype == np.float32
  for before, after in zip(floats, jittered, strict=True):
    gain, offset = np.polyfit(before.ravel(), after.ravel(), 1)
    np.testing.assert_allclose(after, before * gain + offset, atol=1e-5)
    assert 0.8 <= gain <= 1.2
    assert abs(after.mean() - before.mean()) <= 0.2 + 1e-6


def test_jitter_stays_in_range(images):
  jittered = augment.color_jitter(augment.to_float(images), rng(), 0.9)
  assert jittered.min() >= -1 and jittered.max() <= 1


def test_grey_becomes_rgb_and_alpha_goes():
  grey = np.full((4, 4, 1), 7, np.uint8)
  np.testing.assert_array_equal(augment.to_rgb(grey), np.full((4, 4, 3), 7))
  assert augment.to_rgb(np.zeros((4, 4, 4), np.uint8)).shape == (4, 4, 3)


def test_resize_keeps_an_image_of_that_size(images):
  image = images[0]
  assert augment.resize(image, 12) is image


def test_resize_averages_when_it_shrinks():
  checks = np.indices((64, 64)).sum(axis=0) % 2 * 255
  image = np.repeat(checks[..., None], 3, axis=-1).astype(np.uint8)
  inner = augment.resize(image, 16)[2:-2, 2:-2]
  assert np.abs(inner.astype(int) - 127).max() <= 2  # no aliasing


def test_resize_takes_the_middle_square_of_a_wide_image():
  image = np.zeros((10, 30, 3), np.uint8)
  image[:, 10:20] = 200
  np.testing.assert_array_equal(
    augment.resize(image, 10), np.full((10, 10, 3), 200)
  )
