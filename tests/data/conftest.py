"""A small `digit_scenes` on disk, shared by the tests of this folder."""

import pytest

from mobilenet_jax.data import digit_scenes, sources

SCENES = {'train': 60, 'validation': 20, 'test': 40}


@pytest.fixture
def short(monkeypatch):
  """Makes builds during this test short; returns the size of each split."""
  monkeypatch.setattr(digit_scenes, 'SCENES', SCENES)
  return SCENES


@pytest.fixture(scope='session')
def data_dir(tmp_path_factory):
  """A data dir with a short digit_scenes/32, built through `prepare`."""
  root = str(tmp_path_factory.mktemp('tfds'))
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(digit_scenes, 'SCENES', SCENES)
    sources.prepare('digit_scenes/32', root, say=lambda _: None)
  return root


@pytest.fixture(scope='session')
def train(data_dir):
  return sources.open_source('digit_scenes/32', 'train', data_dir)
