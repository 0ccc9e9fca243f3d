"""Files of a hub: asked for once, and found again without a network."""

import importlib
import json
import logging
import shutil
import sys

import pytest

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.models.pretrained import load_pretrained
from mobilenet_jax.models.pretrained.hub import find
from tests.models.pretrained.files import write
from tests.models.pretrained.test_files import tensors_of

hub = pytest.importorskip('huggingface_hub')
constants = importlib.import_module('huggingface_hub.constants')
NAME = 'timm/mobilenetv2_050.lamb_in1k'
COMMIT = 'a' * 40
CONFIG = {'architecture': 'mobilenetv2_050', 'crop_pct': 0.9}


@pytest.fixture(scope='module')
def files(tmp_path_factory):
  """A repository: weights and config.json, no preprocessor_config.json."""
  folder = tmp_path_factory.mktemp('files')
  write(folder, 'timm', tensors_of('timm', 'mobilenetv2_050', 0.5))
  (folder / 'config.json').write_text(json.dumps(CONFIG))
  return folder


@pytest.fixture
def cache(tmp_path, monkeypatch):
  """The client's empty folder of NAME, and no network."""

  def down(*_, **__):
    logging.getLogger('huggingface_hub.utils').warning('Retrying in 1s')
    raise ConnectionError('offline')

  monkeypatch.setattr(constants, 'HF_HUB_CACHE', str(tmp_path))
  monkeypatch.setattr(hub, 'get_hf_file_metadata', down)
  monkeypatch.setattr(hub, 'hf_hub_download', down)
  home = tmp_path / f'models--{NAME.replace("/", "--")}'
  for name in ('refs', f'snapshots/{COMMIT}', f'.no_exist/{COMMIT}'):
    (home / name).mkdir(parents=True)
  (home / 'refs' / 'main').write_text(COMMIT)
  return home


def test_what_the_client_has_is_used_without_a_network(cache, files):
  for name in ('model.safetensors', 'config.json'):
    shutil.copy(files / name, cache / 'snapshots' / COMMIT / name)
  # as timm's own download leaves it: nothing is known of the third file
  found = load_pretrained('mobilenet_v2', 'timm', NAME)
  assert found.spec.name == 'mobilenet_v2_w0.5'
  assert found.spec.inputs.crop == 0.9
  both = ('config', 'preprocessor_config')
  with pytest.raises(UserError, match='no network'):
    find(NAME, both)
  (cache / '.no_exist' / COMMIT / 'preprocessor_config.json').touch()
  assert find(NAME, both).settings == {'config': CONFIG}


def test_weights_without_their_settings_are_not_guessed(cache, files):
  home = cache / 'snapshots' / COMMIT
  shutil.copy(files / 'model.safetensors', home)
  with pytest.raises(UserError, match='cannot be fetched from the hub'):
    load_pretrained('mobilenet_v2', 'timm', NAME)


def test_without_a_network_there_is_one_sentence(cache, caplog):
  with pytest.raises(UserError, match='no network, or no answer'):
    load_pretrained('mobilenet_v2', 'timm', NAME)
  assert not caplog.records
  assert logging.getLogger('huggingface_hub').level != logging.ERROR


def test_without_the_client_its_extra_is_named(monkeypatch):
  monkeypatch.setitem(sys.modules, 'huggingface_hub', None)
  with pytest.raises(UserError, match=r'install mobilenet-jax\[hub\]'):
    load_pretrained('mobilenet_v2', 'timm', NAME)


def test_a_file_comes_with_its_settings(cache, files, monkeypatch):
  asked = []

  def download(repository, file, revision=None):
    asked.append((repository, file, revision))
    if not (files / file).exists():
      raise hub.errors.EntryNotFoundError(file)
    return str(files / file)

  monkeypatch.setattr(hub, 'get_hf_file_metadata', lambda *_, **__: None)
  monkeypatch.setattr(hub, 'hf_hub_download', download)
  name = f'{NAME}@other'
  found = load_pretrained('mobilenet_v2', 'timm', name)
  assert found.spec.name == 'mobilenet_v2_w0.5'
  with pytest.raises(UserError, match='The file holds mobilenetv2_050 of timm'):
    load_pretrained('mobilenet_v2', 'timm', name, width=0.75)
  assert asked[:2] == [
    (NAME, 'model.safetensors', 'other'),
    (NAME, 'config.json', 'other'),
  ]
  assert find(name, ('preprocessor_config',)).settings == {}
