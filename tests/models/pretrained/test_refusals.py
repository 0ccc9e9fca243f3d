"""What does not fit is refused by its first names, and runs nothing."""

import itertools
import json
import os
import pickle
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.models.pretrained import load_pretrained, read, torchfile
from tests.models.pretrained.files import write
from tests.models.pretrained.test_files import keras_files, tensors_of


def v2(tensors, folder, **more):
  path = write(folder, 'torchvision', tensors)
  return load_pretrained('mobilenet_v2', 'torchvision', path, **more)


@pytest.fixture(scope='module')
def tensors():
  return tensors_of('torchvision', 'mobilenet_v2', 0.25)


def test_missing_extra_and_misshapen(tensors, tmp_path):
  broken = dict(tensors)
  broken['extra.weight'] = np.zeros(3, np.float32)
  del broken['features.0.1.bias']
  broken['features.18.1.weight'] = np.zeros(7, np.float32)
  with pytest.raises(UserError) as caught:
    v2(broken, tmp_path, width=0.25)
  text = str(caught.value)
  assert 'is not mobilenet_v2 of torchvision (width 0.25): ' in text
  assert 'without features.0.1.bias; with extra.weight; ' in text
  assert text.endswith('features.18.1.weight is (7,) instead of (1280,).')


def test_whole_numbers_are_no_weights(tensors, tmp_path):
  broken = {**tensors, 'classifier.1.bias': np.zeros(5, np.int32)}
  with pytest.raises(UserError, match=r'bias is \(5,\) int32 instead of'):
    v2(broken, tmp_path, width=0.25)


def test_other_width(tensors, tmp_path):
  wrong = r'features.0.0.weight is \(8, 3, 3, 3\) instead of \(32, 3, 3, 3\)'
  with pytest.raises(UserError, match=wrong):
    v2(tensors, tmp_path)


def test_other_model(tensors, tmp_path):
  path = write(tmp_path, 'torchvision', tensors)
  with pytest.raises(UserError, match=r'without features.1.block.0.0.weight'):
    load_pretrained('mobilenet_v3_large', 'torchvision', path)


def test_keras_names_its_tensors_by_their_names(tmp_path):
  *_, old = keras_files(tmp_path)
  with pytest.raises(UserError, match=r'conv2d_7/kernel:0 is .* instead of'):
    load_pretrained('mobilenet_v3_small_minimalistic', 'keras', old, width=0.75)


def test_files_that_look_alike_are_not_guessed(tmp_path):
  tensors = tensors_of('timm', 'mobilenetv3_small_075', 0.75)
  path = write(tmp_path, 'timm', tensors)
  both = 'is one of mobilenetv3_small_075, tf_mobilenetv3_small_075, whose'
  with pytest.raises(UserError, match=both):
    load_pretrained('mobilenet_v3_small', 'timm', path, width=0.75)
  found = load_pretrained('tf_mobilenetv3_small_075', 'timm', path)
  assert found.spec.padding == 'same'
  named = path.rename(tmp_path / 'mobilenetv3_small_075.lamb.safetensors')
  found = load_pretrained('mobilenet_v3_small', 'timm', named, width=0.75)
  assert found.spec.padding == 'symmetric'


REFUSED = [
  ('mobilenet_v2', 'torchvison', {}, "Did you mean 'torchvision'"),
  ('mobilenet_v1', 'torchvision', {}, "has no 'mobilenet_v1'"),
  ('mobilenet_v3_large', 'torchvision', {'width': 0.75}, 'not 0.75'),
  ('mobilenet_v3_large', 'keras', {'width': 0.5}, 'at width 0.75, 1, not 0.5'),
]


@pytest.mark.parametrize('row', REFUSED, ids=str)
def test_what_a_library_does_not_have(row, tmp_path):
  name, source, more, text = row
  path = tmp_path / 'x.safetensors'
  with pytest.raises(UserError, match=text):
    load_pretrained(name, source, path, **more)


def test_numbers_that_numpy_does_not_know(tmp_path):
  path = tmp_path / 'x.safetensors'
  rows = {'a': {'dtype': 'F8_E4M3', 'shape': [2], 'data_offsets': [0, 2]}}
  head = json.dumps(rows).encode()
  path.write_bytes(len(head).to_bytes(8, 'little') + head + bytes(2))
  with pytest.raises(UserError, match='a holds F8_E4M3, which is not read'):
    read.read(path)


@pytest.mark.parametrize('kind', ['meta', 'sparse', 'quantized'])
def test_torch_tensors_without_plain_numbers(kind, tmp_path):
  torch = pytest.importorskip('torch')
  path = tmp_path / 'x.pth'
  made = {
    'meta': lambda: torch.empty(3, device='meta'),
    'sparse': lambda: torch.eye(3).to_sparse(),
    'quantized': lambda: torch.quantize_per_tensor(
      torch.ones(3), 0.1, 0, torch.qint8
    ),
  }[kind]()
  torch.save({'good': torch.ones(3), 'bad': made}, path)
  with pytest.raises(UserError, match='bad has no plain numbers'):
    read.read(path)


def test_a_tensor_that_gives_no_array():
  """The same without torch."""

  class Odd:
    layout, dtype, device = 'torch.sparse_coo', 'torch.int64', 'cpu'

    def is_floating_point(self):
      return False

    def detach(self):
      raise TypeError('cannot convert')

  says = r'x\.pth: bad has no plain numbers \(sparse_coo, int64, cpu\)'
  with pytest.raises(UserError, match=says):
    torchfile._array(Path('x.pth'), 'bad', Odd(), None)


@pytest.mark.parametrize('width', [0, -1, 'a', True])
def test_a_width_that_is_none(width, tmp_path):
  for source in ('timm', 'mobilenet_jax'):
    with pytest.raises(UserError, match='is not in'):
      load_pretrained('mobilenet_v2', source, tmp_path / 'x', width=width)


@pytest.mark.parametrize('end', ['.safetensors', '.npz', '.h5', '.keras'])
def test_cut_off_and_not_weights(end, tensors, tmp_path):
  if end == '.safetensors':
    whole = write(tmp_path, 'timm', tensors)
  elif end == '.npz':
    whole = write(tmp_path, 'slim', {'a': np.zeros(999, np.float32)})
  else:
    new, packed, _ = keras_files(tmp_path)
    whole = packed if end == '.keras' else new
  data = whole.read_bytes()
  for content in (data[: len(data) // 2], b'', b'<html>404</html>', data[::-1]):
    path = tmp_path / f'broken{end}'
    path.write_bytes(content)
    with pytest.raises(UserError, match='broken'):
      read.read(path)


class Evil:
  """Writes a file where it is unpickled."""

  def __init__(self, path):
    self.path = path

  def __reduce__(self):
    return os.mkdir, (str(self.path),)


@pytest.mark.parametrize('end', ['.pth', '.pt', '.bin', '.npz', '.h5'])
def test_a_pickle_is_never_run(end, tmp_path):
  mark = tmp_path / 'ran'
  path = tmp_path / f'evil{end}'
  path.write_bytes(pickle.dumps({'a': Evil(mark)}))
  with pytest.raises(UserError):
    read.read(path)
  if end == '.npz':
    np.savez(path, a=np.array([Evil(mark)], object))
    with pytest.raises(UserError):
      read.read(path)
  assert not mark.exists()


def test_a_torch_archive_with_code_is_never_run(tmp_path):
  torch = pytest.importorskip('torch')
  mark, path = tmp_path / 'ran', tmp_path / 'evil.pth'
  torch.save({'a': Evil(mark)}, path)
  with pytest.raises(UserError, match='more than tensors, which is not loaded'):
    read.read(path)
  assert not mark.exists()


def test_zip_bombs(tmp_path, monkeypatch):
  monkeypatch.setattr(read, 'LIMIT', 1 << 20)
  path = tmp_path / 'bomb.npz'
  np.savez_compressed(path, a=np.zeros(1 << 20, np.float32))
  assert path.stat().st_size < 1 << 14
  with pytest.raises(UserError, match='claims 4,194'):
    read.read(path)
  packed = tmp_path / 'bomb.keras'
  with zipfile.ZipFile(packed, 'w', zipfile.ZIP_DEFLATED) as archive:
    archive.writestr('model.weights.h5', bytes(2 << 20))
  with pytest.raises(UserError, match='claims 2,097,152 bytes'):
    read.read(packed)
  chunks = tmp_path / 'bomb.h5'
  with h5py.File(chunks, 'w') as file:  # never written, so of no size
    file.create_dataset('layers/a/vars/0', (1 << 30,), 'f4', chunks=(1 << 20,))
  with pytest.raises(UserError, match='claims 4,294,967,296 bytes'):
    read.read(chunks)


def test_links_that_make_few_groups_look_like_billions(tmp_path):
  path = tmp_path / 'bush.h5'
  with h5py.File(path, 'w') as file:
    groups = [file.create_group(f'g{i}') for i in range(11)]
    for one, next_one in itertools.pairwise(groups):
      for j in range(30):
        one[f'l{j}'] = next_one
  with pytest.raises(UserError, match='more than 20,000 groups and tensors'):
    read.read(path)


def test_an_array_that_claims_more_than_its_file(tmp_path):
  header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999,), }"
  body = header + b' ' * (53 - len(header) % 64 + 64) + b'\n'
  data = b'\x93NUMPY\x01\x00' + len(body).to_bytes(2, 'little') + body
  path = tmp_path / 'liar.npz'
  with zipfile.ZipFile(path, 'w') as archive:
    archive.writestr('a.npy', data)
  with pytest.raises(UserError, match=r'a\.npy claims 39,999,999,996 bytes'):
    read.read(path)


def test_links_out_of_a_file_are_not_followed(tmp_path):
  secret = tmp_path / 'secret.h5'
  with h5py.File(secret, 'w') as file:
    file['x'] = np.ones(3, np.float32)
  path = tmp_path / 'link.h5'
  with h5py.File(path, 'w') as file:
    file['layers/a'] = h5py.ExternalLink(str(secret), 'x')
  with pytest.raises(UserError, match='layers/a refers to elsewhere'):
    read.read(path)
  raw = tmp_path / 'raw.h5'
  with h5py.File(raw, 'w') as file:
    file.create_dataset('x', (4,), 'u1', external=[(str(secret), 0, 4)])
  with pytest.raises(UserError, match='x is kept in another file'):
    read.read(raw)


def test_missing_files_and_unknown_formats(tmp_path):
  with pytest.raises(UserError, match=r'There is no file .*x\.safetensors'):
    load_pretrained('mobilenet_v2', 'timm', tmp_path / 'x.safetensors')
  path = tmp_path / 'x.txt'
  path.write_text('hello')
  with pytest.raises(UserError, match=r'must end in one of \.safetensors'):
    load_pretrained('mobilenet_v2', 'torchvision', path)
  with pytest.raises(UserError, match=r'has none of model\.safetensors'):
    load_pretrained('mobilenet_v2', 'torchvision', tmp_path)
