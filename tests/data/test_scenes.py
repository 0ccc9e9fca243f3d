"""Scenes are honest: disjoint sources, fixed draws, boxes that fit."""

import numpy as np
import pytest

from mobilenet_jax.data import digits, scenes

SPLITS = tuple(digits.SHARES)


def test_no_source_digit_is_in_two_splits():
  ids = [np.concatenate(digits.split_ids(split)) for split in SPLITS]
  assert sorted(np.concatenate(ids)) == list(range(1797))


def test_every_split_has_every_class_in_proportion():
  for split, share in digits.SHARES.items():
    for label, members in enumerate(digits.split_ids(split)):
      of_class = np.sum(digits.load().labels == label)
      assert (digits.load().labels[members] == label).all()
      assert len(members) == pytest.approx(share * of_class, abs=1)


def test_scenes_draw_only_from_their_split():
  for split in SPLITS:
    drawn = scenes.draw(split, range(50), 32).source
    assert set(drawn) <= set(np.concatenate(digits.split_ids(split)))


def test_a_scene_does_not_depend_on_what_is_drawn_with_it():
  together = scenes.draw('train', range(20), 32)
  alone = scenes.draw('train', range(13, 14), 32)
  for many, one in zip(together, alone, strict=True):
    np.testing.assert_array_equal(many[13], one[0])


def test_scenes_differ_between_splits_and_indices():
  train = scenes.draw('train', range(2), 32).image.astype(int)
  test = scenes.draw('test', range(2), 32).image.astype(int)
  for a, b in ((train[0], train[1]), (train[0], test[0])):
    assert np.abs(a - b).mean() > 5


def test_the_same_scene_exists_at_every_resolution():
  small, large = (scenes.draw('test', range(30), px) for px in (32, 96))
  np.testing.assert_array_equal(small.source, large.source)
  np.testing.assert_allclose(small.box, large.box, atol=2 / 32)
  shrunk = large.image.reshape(30, 32, 3, 32, 3, 3).mean(axis=(2, 4))
  assert np.abs(shrunk - small.image).mean() < 8


@pytest.mark.parametrize('px', [32, 64, 96])
def test_box_is_the_tight_box_of_a_mask_inside_the_image(px):
  drawn = scenes.draw('validation', range(40), px)
  assert set(np.unique(drawn.mask)) == {0, 255}
  for mask, box in zip(drawn.mask[..., 0], drawn.box, strict=True):
    ys, xs = np.nonzero(mask)
    tight = [ys.min(), xs.min(), ys.max() + 1, xs.max() + 1]
    np.testing.assert_allclose(box * px, tight)
    assert max(box[2] - box[0], box[3] - box[1]) > 0.25
    assert box.min() > 0 and box.max() < 1


def test_the_digit_stands_out_from_what_is_round_it():
  drawn = scenes.draw('train', range(100), 64)
  image = drawn.image.astype(float) / 255
  inside = drawn.mask[..., 0] == 255
  gaps = [
    np.linalg.norm(im[ink].mean(axis=0) - im[~ink].mean(axis=0))
    for im, ink in zip(image, inside, strict=True)
  ]
  assert np.percentile(gaps, 5) > 0.15


def test_a_look_that_rolls_too_often_fails_loudly():
  with pytest.raises(IndexError, match='rolls more than'):
    scenes.draw('train', range(1), 32, scenes.Look(pieces=30))
