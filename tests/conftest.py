"""What several rooms' tests share: small scenes on disk, a toy table."""

import jax
import pytest

from mobilenet_jax.core.cache import use_compilation_cache
from mobilenet_jax.data import digit_scenes, sources
from mobilenet_jax.latency.key import keys
from mobilenet_jax.latency.tensors import space_keys
from mobilenet_jax.models import get_arch
from mobilenet_jax.space import get_space
from tests.latency.toy import toy_table

SMALL_BUILD = {'train': 300, 'validation': 100, 'test': 200}


def pytest_configure():
  use_compilation_cache()


@pytest.fixture(scope='module', autouse=True)
def forget_programs():
  """Compiled programs of a whole suite would take gigabytes."""
  yield
  jax.clear_caches()


@pytest.fixture(scope='session')
def scenes_dir(tmp_path_factory):
  """A TFDS folder with a short digit_scenes/32."""
  root = tmp_path_factory.mktemp('scenes')
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(digit_scenes, 'SCENES', SMALL_BUILD)
    sources.prepare('digit_scenes/32', str(root), say=lambda _: None)
  return root


@pytest.fixture(scope='session')
def scenes(scenes_dir):
  """The override that makes a job read the short scenes."""
  return f'--config.data.dir={scenes_dir}'


@pytest.fixture(scope='session')
def table(tmp_path_factory):
  """A toy table of all that the runlocal quickstart prices."""
  path = tmp_path_factory.mktemp('table') / 'toy.csv'
  wanted = list(space_keys(get_space('v3_tiny', 32, 10).spec))
  for i in range(4, 121):
    wanted += keys(get_arch('mobilenet_v1_shallow', i / 40, 32, 10))
  toy_table(wanted).save(path)
  return path
