"""The TFDS builder writes what `scenes` draws, whole or not at all."""

import io
import pathlib

import numpy as np
import pytest
from PIL import Image

from mobilenet_jax.data import digit_scenes, png, scenes, sources


def test_full_splits_are_balanced_and_sized_as_promised():
  assert sum(digit_scenes.SCENES.values()) == 18_400
  assert all(count % 10 == 0 for count in digit_scenes.SCENES.values())


def test_record_i_is_scene_i(data_dir, short):
  fields = ('bbox', 'mask')
  for split, count in short.items():
    source = sources.open_source(
      'digit_scenes/32', split, data_dir, fields=fields
    )
    drawn = scenes.draw(split, range(count), 32)
    assert len(source) == count
    for i, example in enumerate(source):
      np.testing.assert_array_equal(example['image'], drawn.image[i])
      np.testing.assert_array_equal(example['mask'], drawn.mask[i])
      np.testing.assert_allclose(example['bbox'], drawn.box[i])
      assert example['label'] == drawn.label[i] == i % 10


def test_two_builds_write_the_same_bytes(data_dir, tmp_path, short):
  sources.prepare('digit_scenes/32', str(tmp_path), say=lambda _: None)
  first, second = (
    sorted(pathlib.Path(root).rglob('*.array_record*'))
    for root in (data_dir, tmp_path)
  )
  assert len(first) == len(second) == 3
  for a, b in zip(first, second, strict=True):
    assert a.read_bytes() == b.read_bytes()


def test_a_killed_build_is_not_taken_for_a_data_set(
  tmp_path, monkeypatch, short
):

  def killed(*args):
    raise KeyboardInterrupt

  with monkeypatch.context() as patch:
    patch.setattr(scenes, 'draw', killed)
    with pytest.raises(KeyboardInterrupt):
      sources.prepare('digit_scenes/32', str(tmp_path), say=lambda _: None)
  source = sources.open_source(
    'digit_scenes/32', 'train', str(tmp_path), say=lambda _: None
  )
  assert len(source) == short['train']


def test_of_two_builds_at_once_both_end_with_the_data(
  tmp_path, monkeypatch, short
):
  draw, name = scenes.draw, 'digit_scenes/32'

  def draw_while_another_finishes(*args):
    monkeypatch.setattr(scenes, 'draw', draw)
    sources.prepare(name, str(tmp_path), say=lambda _: None)
    return draw(*args)

  monkeypatch.setattr(scenes, 'draw', draw_while_another_finishes)
  source = sources.open_source(name, 'test', str(tmp_path), say=lambda _: None)
  assert len(source) == short['test']
  left = [p.name for p in tmp_path.rglob('incomplete*')]
  assert not left


def test_prepare_says_when_it_starts_and_ends_and_then_nothing(
  tmp_path, short, capsys
):
  said = []
  sources.prepare('digit_scenes/32', str(tmp_path), say=said.append)
  assert said[0] == 'building digit_scenes/32 (120 scenes)...'
  assert said[1].startswith('digit_scenes/32 is ready after ')
  sources.prepare('digit_scenes/32', str(tmp_path), say=said.append)
  assert len(said) == 2
  assert capsys.readouterr().out == ''


@pytest.mark.parametrize('channels', [1, 3])
def test_png_round_trips(channels):
  rng = np.random.default_rng(0)
  pixels = rng.integers(0, 256, (7, 5, channels), dtype=np.uint8)
  with Image.open(io.BytesIO(png.encode(pixels))) as image:
    np.testing.assert_array_equal(
      np.asarray(image).reshape(pixels.shape), pixels
    )
