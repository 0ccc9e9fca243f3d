"""Erased rectangles, and images and labels that are mixed alike."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ml_collections import ConfigDict

from mobilenet_jax.arch.inputs import TENSORFLOW
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data.augment import Augmentation, make_augmentation, mixing
from mobilenet_jax.data.augment.erasing import AREA, erase
from mobilenet_jax.data.batches import train_batch


def generator(seed):
  return np.random.Generator(np.random.Philox(seed))


@given(side=st.integers(8, 80), other=st.integers(8, 80), seed=st.integers(0))
@settings(max_examples=100, deadline=None)
def test_one_rectangle_is_erased(side, other, seed):
  rng = generator(seed % 2**63)
  black = np.zeros((side, other, 3), np.uint8)
  erase(black, rng)
  touched = black.any(-1)
  rows, columns = np.flatnonzero(touched.any(1)), np.flatnonzero(touched.any(0))
  h, w = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
  # a pixel of a rectangle is black in one of 2**24 cases
  assert touched[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
  assert h < side
  assert w < other
  # sides were rounded: within half a pixel of an allowed rectangle
  assert (h + 0.5) * (w + 0.5) >= AREA[0] * side * other
  assert (h - 0.5) * (w - 0.5) <= AREA[1] * side * other


def test_what_is_erased_is_noise_of_all_values():
  pixels = np.zeros((200, 200, 3), np.uint8)
  erase(pixels, generator(0))
  values = pixels[pixels.any(-1)]
  assert len(np.unique(values)) == 256
  assert values.mean() == pytest.approx(127.5, abs=3)


def test_erased_areas_are_spread_evenly():
  shares, rng = [], generator(4)
  for _ in range(600):
    pixels = np.zeros((64, 64, 1), np.uint8)
    erase(pixels, rng)
    rows = np.flatnonzero(pixels.any((1, 2)))
    columns = np.flatnonzero(pixels.any((0, 2)))
    h, w = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    shares.append(h * w / 64**2)
  # large long ones do not fit, so that the middle is below (0.02 + 0.4) / 2
  assert 0.17 < np.mean(shares) < 0.22
  assert min(shares) < 0.04
  assert max(shares) > 0.37


def constant(shares):
  """Images whose two halves of channels are how much of each class."""
  count = len(shares)
  images = np.zeros((count, 16, 16, shares.shape[1]), np.float32)
  images[:] = shares[:, None, None]
  return images


@given(
  pairs=st.integers(1, 4),
  alpha=st.floats(0.05, 10),
  seed=st.integers(0),
  kind=st.sampled_from([mixing.mixup, mixing.cutmix]),
)
@settings(max_examples=150, deadline=None)
def test_labels_are_what_is_in_the_image(pairs, alpha, seed, kind):
  rng = generator(seed % 2**63)
  labels = rng.integers(0, 5, 2 * pairs)
  targets = mixing.one_hot(labels, 5)
  images, mixed = constant(targets), targets.copy()
  kind(images, mixed, rng, alpha)
  assert images.dtype == mixed.dtype == np.float32
  mean = images.mean((1, 2), np.float64)
  np.testing.assert_allclose(mean, mixed, atol=1e-6)
  np.testing.assert_allclose(mixed.sum(1), 1, atol=1e-6)
  # an image takes only from its neighbour, and each pair changes hands
  for row, label in enumerate(labels):
    others = np.delete(mixed[row], [label, labels[row ^ 1]])
    assert not others.any()
  np.testing.assert_allclose(
    mixed[0::2] + mixed[1::2], targets[0::2] + targets[1::2], atol=2e-6
  )


def test_mixup_blends_pixel_by_pixel():
  images = np.random.default_rng(0).random((4, 3, 3, 2), np.float32)
  targets = mixing.one_hot(np.array([0, 1, 2, 3]), 4)
  mixed, shares = images.copy(), targets.copy()
  mixing.mixup(mixed, shares, generator(0), 0.4)
  share = shares[0, 0]
  assert 0 < share < 1
  np.testing.assert_allclose(
    mixed[2], share * images[2] + (1 - share) * images[3], rtol=1e-5
  )
  np.testing.assert_allclose(shares[3], (0, 0, 1 - share, share), atol=1e-6)


def test_cutmix_pastes_one_rectangle():
  images = np.stack([np.full((20, 30, 3), v, np.float32) for v in (0, 1)])
  targets = mixing.one_hot(np.array([0, 1]), 2)
  sizes = []
  for seed in range(40):
    mixed, shares = images.copy(), targets.copy()
    mixing.cutmix(mixed, shares, generator(seed), 1.0)
    np.testing.assert_array_equal(mixed[0], 1 - mixed[1])
    pasted = mixed[0, ..., 0] == 1
    rows, columns = pasted.any(1), pasted.any(0)
    np.testing.assert_array_equal(pasted, np.outer(rows, columns))
    for side in (rows, columns):
      assert np.abs(np.diff(side.astype(int))).sum() <= 2  # in one piece
    assert shares[0, 1] == pytest.approx(pasted.mean(), abs=1e-6)
    sizes.append(pasted.mean())
  assert min(sizes) < 0.1
  assert max(sizes) > 0.5


@pytest.mark.parametrize('alpha', [0.2, 1.0])
def test_shares_are_beta_distributed(alpha):
  rng = generator(5)
  images, shares = np.zeros((2, 1, 1, 1), np.float32), []
  for _ in range(1500):
    targets = mixing.one_hot(np.array([0, 1]), 2)
    mixing.mixup(images, targets, rng, alpha)
    shares.append(targets[0, 0])
  variance = 1 / (4 * (2 * alpha + 1))
  assert np.mean(shares) == pytest.approx(0.5, abs=0.05)
  assert np.var(shares) == pytest.approx(variance, rel=0.12)


@pytest.mark.parametrize(
  ('fields', 'words'),
  [
    ({'crop': 'incept'}, "crop is 'incept'; known: '', 'shift', 'inception'."),
    ({'policy': 'rand'}, "known: '', 'autoaugment', 'randaugment'."),
    ({'flip': 1.5}, 'flip is 1.5; it is from 0 to 1.'),
    ({'hue': 0.6}, 'hue is 0.6; it is from 0 to 0.5.'),
    ({'mixup': float('nan')}, 'mixup is nan; it is from 0 to 100.'),
    ({'repeats': 0}, 'repeats is 0; it is from 1 to 64.'),
    ({'layers': 1.5}, 'layers is 1.5, no whole number.'),
    ({'flip': 'half'}, "flip is 'half', no number."),
    ({'area': (0.5, 0.2)}, 'area is (0.5, 0.2); it is two numbers above 0'),
    ({'area': 0.5}, 'area is 0.5; it is two numbers above 0'),
    (
      {'aspect': [0.0, 1.0]},
      (
        'aspect is (0.0, 1.0); it is two numbers above 0, the second not below'
        ' the first and at most 100.'
      ),
    ),
    ({'cutmx': 1.0}, "no field 'cutmx'. Did you mean 'cutmix'?"),
  ],
)
def test_a_wrong_field_is_named(fields, words):
  with pytest.raises(UserError, match=re.escape(words)):
    make_augmentation(fields)


def test_a_config_subtree_makes_an_augmentation():
  config = ConfigDict({'crop': 'inception', 'area': [0.25, 1.0], 'flip': 0.5})
  made = make_augmentation(config)
  assert made == Augmentation(crop='inception', area=(0.25, 1.0), flip=0.5)
  assert hash(made)


@pytest.mark.parametrize(('share', 'expected'), [(0.0, 0), (0.3, 60), (1, 200)])
def test_a_share_of_the_batches_is_mixed(train, share, expected):
  plan = Augmentation(mixup=1.0, cutmix=1.0, mix_share=share)
  indices, rows, mixed = np.arange(4), slice(0, 4), 0
  for seed in range(200):
    rng = generator(seed)
    batch = train_batch(train, plan, 32, TENSORFLOW, rows, indices, rng)
    assert batch['label'].shape == (4, train.num_classes)
    mixed += not np.isin(batch['label'], (0, 1)).all()
  assert mixed == pytest.approx(expected, abs=20)
