"""Every format gives the same network, and ours keeps what it is given."""

import json
import sys
import zipfile

import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import mobilenet_jax as mnj
from mobilenet_jax import arch
from mobilenet_jax.arch.inputs import IMAGENET, TENSORFLOW
from mobilenet_jax.cli.main import main
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.models.pretrained import load_pretrained, save_weights
from mobilenet_jax.models.pretrained.convert import wanted
from mobilenet_jax.models.pretrained.load import conventional
from mobilenet_jax.models.pretrained.sources import get_source
from tests.models.pretrained import formula
from tests.models.pretrained.files import write


def tensors_of(source, name, width=1.0, classes=5):
  """Weights by a library's names, and the spec that they belong to."""
  library = get_source(source)
  variant = library.models[name]
  spec = conventional(variant, width, classes)
  rows = wanted(spec, variant.slots(spec), library.dialect)
  torch = library.dialect.torch
  tensors = {}
  for row in rows:
    dense = torch or '/dense/' in row.key
    shape = row.shapes[0 if dense else -1]  # else a 1x1 convolution
    tensors[row.key] = formula.weight(row.key, shape, torch=torch)
  return tensors


def same(one, other):
  assert jax.tree.structure(one) == jax.tree.structure(other)
  assert all(map(np.array_equal, jax.tree.leaves(one), jax.tree.leaves(other)))


def v1(tmp_path, source='transformers', **more):
  tensors = tensors_of(source, 'mobilenet_v1', 0.25)
  path = write(tmp_path, source, tensors)
  return load_pretrained('mobilenet_v1', source, path, width=0.25, **more)


def test_our_own_file_keeps_the_network_and_its_conventions(tmp_path):
  found = v1(tmp_path)
  path = tmp_path / 'ours.safetensors'
  labels = tuple('abcde')
  save_weights(path, found.spec, found.variables, labels)
  again = load_pretrained('mobilenet_v1', 'mobilenet_jax', path, width=0.25)
  assert again.spec == found.spec
  assert again.labels == labels
  same(again.variables, found.variables)


def test_a_network_outside_the_zoo_keeps_its_name(tmp_path):
  spec = arch.from_string('mine@8,sym conv_k3_c4_re pool dense_c2_li')
  model = mnj.create_model(spec)
  variables = model.init(jax.random.key(0), jnp.zeros((1, 8, 8, 3)))
  path = tmp_path / 'mine.safetensors'
  mnj.save_weights(path, spec, variables)
  found = mnj.load_pretrained('mine', 'mobilenet_jax', path)
  assert found.spec == spec
  same(found.variables, variables)


def test_bfloat16_is_widened(tmp_path):
  import ml_dtypes

  tensors = tensors_of('transformers', 'mobilenet_v1', 0.25)
  half = {k: v.astype(ml_dtypes.bfloat16) for k, v in tensors.items()}
  path = write(tmp_path, 'transformers', half)
  found = load_pretrained('mobilenet_v1', 'transformers', path, width=0.25)
  leaf = found.variables['params']['block_00']['conv']['kernel']
  assert leaf.dtype == jnp.float32


def keras_files(folder):
  """The same weights as .weights.h5, .keras, and .h5 as Keras 2 had it."""
  tensors = tensors_of('keras', 'MobileNetV3SmallMinimalistic')
  new = write(folder, 'keras', tensors)
  packed = folder / 'model.keras'
  with zipfile.ZipFile(packed, 'w') as archive:
    archive.writestr('config.json', '{}')
    archive.writestr('model.weights.h5', new.read_bytes())
  old = folder / 'old.h5'
  with h5py.File(old, 'w') as file:
    home = file.create_group('model_weights')
    order: dict[str, list[str]] = {}
    for key in tensors:  # in the order of the network
      order.setdefault(key.split('/')[1], []).append(key)
    home.attrs['layer_names'] = [b'input', *(n.encode() for n in order)]
    home.create_group('input').attrs['weight_names'] = np.array([], 'S')
    for layer, keys in order.items():
      norm = 'norm' in layer
      words = ('gamma', 'beta', 'mean', 'var') if norm else ('kernel', 'bias')
      group = home.create_group(layer)
      names = [f'{layer}/{word}:0' for word in words[: len(keys)]]
      group.attrs['weight_names'] = [name.encode() for name in names]
      for name, key in zip(names, keys, strict=True):
        group[name] = tensors[key]
  return new, packed, old


def test_three_formats_of_keras(tmp_path):
  name = 'mobilenet_v3_small_minimalistic'
  first, *others = (
    load_pretrained(name, 'keras', p) for p in keras_files(tmp_path)
  )
  assert first.spec.num_classes == 5
  for other in others:
    same(first.variables, other.variables)


def test_slim_checkpoint_takes_the_moving_averages(tmp_path):
  tf = pytest.importorskip('tensorflow')
  tensors = tensors_of('slim', 'mobilenet_v1', 0.25)
  key = 'MobilenetV1/Conv2d_0/weights'
  stored = {**tensors, 'global_step': np.int64(7)}
  stored[f'{key}/RMSProp'] = np.ones(3, np.float32)
  stored[f'{key}/ExponentialMovingAverage'] = tensors[key]
  stored[key] = tensors[key] + 1
  prefix = str(tmp_path / 'model.ckpt-7')
  tf.raw_ops.SaveV2(
    prefix=prefix,
    tensor_names=list(stored),
    shape_and_slices=[''] * len(stored),
    tensors=list(stored.values()),
  )
  plain = v1(tmp_path, 'slim')
  for path in (prefix, f'{prefix}.index'):
    found = load_pretrained('mobilenet_v1', 'slim', path, width=0.25)
    same(found.variables, plain.variables)


def test_torch_file_with_wrappers(tmp_path):
  torch = pytest.importorskip('torch')
  tensors = tensors_of('torchvision', 'squeezenet1_1')
  wrapped = {f'module.{k}': torch.from_numpy(v) for k, v in tensors.items()}
  path = tmp_path / 'model.pth'
  torch.save({'state_dict': wrapped, 'epoch': 3}, path)
  found = load_pretrained('squeezenet_1_1', 'torchvision', path)
  plain = write(tmp_path, 'torchvision', tensors)
  expected = load_pretrained('squeezenet_1_1', 'torchvision', plain)
  same(found.variables, expected.variables)


def test_torch_file_without_torch_says_what_to_do(tmp_path, monkeypatch):
  monkeypatch.setitem(sys.modules, 'torch', None)
  path = tmp_path / 'model.pth'
  path.write_bytes(b'x')
  with pytest.raises(UserError, match=r'install mobilenet-jax\[torch\], or'):
    load_pretrained('mobilenet_v2', 'torchvision', path)


def test_what_is_needed_to_predict(tmp_path):
  tensors = tensors_of('transformers', 'mobilenet_v1', 0.25, classes=1001)
  path = write(tmp_path, 'transformers', tensors)
  found = load_pretrained('mobilenet_v1', 'transformers', path, width=0.25)
  assert found.spec.background
  assert found.labels[0] == 'background'
  assert len(found.labels) == 1001
  image = found.preprocess(np.full((40, 50, 3), 255, np.uint8))
  assert image.shape == (224, 224, 3)
  np.testing.assert_allclose(image, 1)


CONVENTIONS = [
  ('torchvision', 'mobilenet_v2', 'symmetric', 1e-5, IMAGENET),
  ('torchvision', 'mobilenet_v3_large', 'symmetric', 1e-3, IMAGENET),
  ('torchvision', 'googlenet', 'symmetric', 1e-3, TENSORFLOW),
  ('timm', 'tf_mobilenetv3_large_100', 'same', 1e-3, TENSORFLOW),
  ('timm', 'fbnetc_100', 'symmetric', 1e-5, IMAGENET),
  ('timm', 'mobilenetv3_large_075', 'symmetric', 1e-5, IMAGENET),
  ('transformers', 'mobilenet_v2', 'same', 1e-3, TENSORFLOW),
]


@pytest.mark.parametrize('row', CONVENTIONS, ids=str)
def test_conventions(row):
  source, name, padding, epsilon, inputs = row
  spec = conventional(get_source(source).models[name], 1.0, 10)
  assert (spec.padding, spec.norm_epsilon) == (padding, epsilon)
  assert spec.inputs == inputs
  assert arch.from_string(arch.to_string(spec)) == spec


def test_timm_has_lite3_at_its_own_resolution():
  models = get_source('timm').models
  sides = {
    n: conventional(models[f'tf_efficientnet_lite{n}'], 1.0, 10).resolution
    for n in range(5)
  }
  assert sides == {0: 224, 1: 240, 2: 260, 3: 300, 4: 380}


def test_settings_beside_the_file_count(tmp_path):
  tensors = tensors_of('transformers', 'mobilenet_v1', 0.25)
  path = write(tmp_path, 'transformers', tensors)
  config = {
    'model_type': 'mobilenet_v1',
    'depth_multiplier': 0.25,
    'tf_padding': False,
    'layer_norm_eps': 0.002,
    'image_size': 128,
  }
  (tmp_path / 'config.json').write_text(json.dumps(config))
  prepare = {'size': {'shortest_edge': 160}, 'crop_size': {'height': 128}}
  (tmp_path / 'preprocessor_config.json').write_text(json.dumps(prepare))
  spec = load_pretrained('mobilenet_v1', 'transformers', path).spec
  assert (spec.resolution, spec.norm_epsilon) == (128, 0.002)
  assert spec.padding == 'symmetric'
  assert spec.inputs.crop == 0.8
  with pytest.raises(UserError, match='holds mobilenet_v1 of transformers, no'):
    load_pretrained('mobilenet_v2', 'transformers', path)


def test_timm_config_names_the_network(tmp_path):
  tensors = tensors_of('timm', 'tf_mobilenetv3_small_minimal_100')
  path = write(tmp_path, 'timm', tensors)
  config = {
    'architecture': 'tf_mobilenetv3_small_minimal_100',
    'pretrained_cfg': {'crop_pct': 0.9, 'input_size': [3, 192, 192]},
  }
  (tmp_path / 'config.json').write_text(json.dumps(config))
  name = 'mobilenet_v3_small_minimalistic'
  spec = load_pretrained(name, 'timm', tmp_path).spec
  assert (spec.resolution, spec.inputs.crop) == (192, 0.9)
  assert load_pretrained(name, 'timm', path).spec == spec
  for wrong in ('{"pretrained_cfg": 3}', '{"mean": ["a", 1, 2]}', '{"std": 1}'):
    (tmp_path / 'config.json').write_text(wrong)
    with pytest.raises(UserError, match=r'config\.json says'):
      load_pretrained(name, 'timm', path)


def test_command_line(tmp_path, capsys):
  tensors = tensors_of('slim', 'mobilenet_v2', 0.35)
  path = write(tmp_path, 'slim', tensors)
  out = tmp_path / 'out.safetensors'
  words = ['mobilenet_v2', '--source=slim', f'--path={path}', f'--out={out}']
  assert main(['import-weights', *words, '--width=0.35', '--json']) == 0
  said = json.loads(capsys.readouterr().out)
  assert (said['classes'], said['tensors']) == (5, len(tensors))
  assert said['name'] == 'mobilenet_v2_w0.35'
  assert arch.count(arch.from_string(said['arch'])).params == said['params']
  assert len(load_file(out)) == len(tensors)
  assert main(['import-weights', *words[:3], '--out=x.pth']) == 2
  assert 'not as x.pth' in capsys.readouterr().err


def test_safetensors_of_someone_else_is_not_ours(tmp_path):
  path = tmp_path / 'x.safetensors'
  save_file({'a': np.zeros(3, np.float32)}, path)
  with pytest.raises(UserError, match='was not written by mobilenet-jax'):
    load_pretrained('mobilenet_v2', 'mobilenet_jax', path)


def test_numpy_file_of_objects_is_refused(tmp_path):
  path = tmp_path / 'x.npz'
  np.savez(path, a=np.array([{}], object))
  with pytest.raises(UserError, match=r'no \.npz of tensors'):
    load_pretrained('mobilenet_v1', 'slim', path)
