"""A network that is taught a folder of photos, as a user has one."""

import csv
import importlib.util
import io
import json
import zipfile
from pathlib import Path

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict
from PIL import Image

from mobilenet_jax.arch import block_name
from mobilenet_jax.cli.main import main
from mobilenet_jax.core.config import load_config
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data.preprocess import preprocess
from mobilenet_jax.export.tflite import Interpreter
from mobilenet_jax.jobs import trainer, training
from mobilenet_jax.jobs.splits import shares
from mobilenet_jax.jobs.starting import open_start
from mobilenet_jax.jobs.trained import open_trained
from mobilenet_jax.models.builder import build, image_shape
from mobilenet_jax.models.find import find_arch
from mobilenet_jax.models.pretrained import load_pretrained, save_weights
from tests.models.pretrained.files import write
from tests.models.pretrained.test_files import tensors_of
from tests.train.toy import same

ROOT = Path(__file__).parents[2]
BODY = 'tiny@24 conv_k3_s2_c8_re ir_k3_s2_e2_c16_re ir_k3_e2_c16_re pool'
NETWORK = f'{BODY} dense_c7_li'  # of seven other classes
COLORS = {'blue': (60, 90, 180), 'green': (70, 160, 80), 'red': (180, 80, 60)}
FILES = ('confusion.csv', 'confusion.png', 'mistakes.png', 'model.tflite')


def fill(folder, count, classes=COLORS, first=0):
  """Noisy pictures in one colour a class, of several sizes."""
  for number, name in enumerate(classes):
    (folder / name).mkdir(parents=True, exist_ok=True)
    for i in range(first, first + count):
      rng = np.random.default_rng([number, i])
      shape = (20 + i % 5, 30 + i % 7, 3)
      pixels = rng.normal(COLORS[name], 110, shape).clip(0, 255)
      picture = Image.fromarray(pixels.astype(np.uint8))
      picture.save(folder / name / f'{i}.jpg')
  return folder


@pytest.fixture(scope='module')
def photos(tmp_path_factory):
  """20 images a class."""
  return fill(tmp_path_factory.mktemp('photos'), 20)


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
  """A file of ours, whose statistics and biases are not those of a start."""
  spec = find_arch(NETWORK)
  variables = build(spec).init(
    jax.random.key(3), np.zeros(image_shape(spec), np.float32)
  )
  rng = np.random.default_rng(0)
  moved = jax.tree.map(
    lambda x: x + 0.1 * rng.random(x.shape, np.float32), variables
  )
  path = tmp_path_factory.mktemp('weights') / 'tiny.safetensors'
  save_weights(path, spec, moved)
  return path, moved


def command(photos, weights, *more):
  return [
    '--config=configs/transfer.py',
    f'--config.data.name=folder:{photos}',
    f'--config.model.name={NETWORK}',
    f'--config.model.weights={weights}',
    '--config.train.steps=60',
    '--config.train.optimizer.learning_rate=0.02',
    *(f'--config.{change}' for change in more),
  ]


def configured(*arguments):
  return ConfigDict(load_config(command(*arguments)))


@pytest.fixture(scope='module')
def finished(photos, weights, tmp_path_factory):
  """A run and its result."""
  folder = tmp_path_factory.mktemp('finished') / 'run'
  return folder, training.run(configured(photos, weights[0]), str(folder))


def test_twenty_images_a_class_are_learnt(finished, weights):
  folder, result = finished
  assert result['test']['accuracy'] >= 2 / 3  # chance is 1/3
  assert result['start'] == {
    'weights': str(weights[0]), 'taken': 35, 'fresh': 2,
  }  # fmt: skip
  assert [one['name'] for one in result['classes']] == list(COLORS)
  assert sum(one['images'] for one in result['classes']) == 6
  right = np.trace(result['confusion'])
  assert right / 6 == pytest.approx(result['test']['accuracy'])
  assert len(result['mistakes']) == 6 - right
  assert json.loads((folder / 'result.json').read_text()) == result


def test_a_run_ends_with_all_files(finished):
  folder, result = finished
  expected = [f for f in FILES if f != 'mistakes.png' or result['mistakes']]
  assert result['files'] == expected
  rows = list(csv.reader((folder / 'confusion.csv').open()))
  assert rows[0] == ['true class', *COLORS]
  assert [list(map(int, row[1:])) for row in rows[1:]] == result['confusion']
  for name in ('confusion.png', 'mistakes.png'):
    if name in result['files']:
      with Image.open(folder / name) as picture:
        assert min(picture.size) > 200


def test_the_model_names_its_classes_and_runs(finished, photos):
  folder, result = finished
  model = (folder / 'model.tflite').read_bytes()
  with zipfile.ZipFile(io.BytesIO(model)) as files:
    assert files.read('labels.txt').decode().split('\n') == list(COLORS)
  assert result['deployed']['bytes'] == len(model)
  spec = open_trained(str(folder)).spec
  interpreter = Interpreter(model)
  right = 0
  for i, name in enumerate(COLORS):
    image = preprocess(photos / name / '0.jpg', spec)
    right += int(interpreter(image[None]).argmax()) == i
  assert right >= 2


def test_the_same_images_and_weights_give_the_same_run(
  finished, photos, weights, tmp_path, monkeypatch
):
  """Killed between two steps, twice, and gone on."""
  folder, _ = finished
  config, batches = configured(photos, weights[0]), trainer.train_batches

  class Kill(Exception):
    pass

  def until(last):
    def dying(*args, start_step=0, **kwargs):
      source = batches(*args, start_step=start_step, **kwargs)
      for _ in range(start_step, last):
        yield next(source)
      source.close()
      raise Kill

    return dying

  for last in (13, 47):
    monkeypatch.setattr(trainer, 'train_batches', until(last))
    with pytest.raises(Kill):
      training.run(config, str(tmp_path / 'run'))
  monkeypatch.setattr(trainer, 'train_batches', batches)
  training.run(config, str(tmp_path / 'run'))
  for name in ('result.json', 'metrics.jsonl', 'model.tflite', 'confusion.png'):
    ours, theirs = (f / name for f in (tmp_path / 'run', folder))
    assert ours.read_bytes() == theirs.read_bytes(), name


def test_frozen_blocks_are_those_of_the_file(photos, weights, tmp_path):
  path, loaded = weights
  config = configured(photos, path, 'train.freeze=block_01', 'deliver=False',
                      'train.steps=10')  # fmt: skip
  training.run(config, str(tmp_path / 'run'))
  found = open_trained(str(tmp_path / 'run')).variables
  for kind in ('params', 'batch_stats'):
    for name in ('block_00', 'block_01'):
      same(found[kind][name], loaded[kind][name])
    later = jax.tree.leaves(found[kind]['block_02'])
    before = jax.tree.leaves(loaded[kind]['block_02'])
    assert all(np.any(a != b) for a, b in zip(later, before, strict=True))


def test_a_run_is_weights_for_the_next_and_stops_early(
  finished, tmp_path, capsys
):
  """Of another folder, whose splits are the user's: no validation."""
  folder, _ = finished
  two = {name: COLORS[name] for name in ('blue', 'green')}
  fill(tmp_path / 'two' / 'train', 20, two)
  fill(tmp_path / 'two' / 'test', 8, two, first=50)
  status = main([
    'train', *command(tmp_path / 'two', folder, 'train.patience=1'),
    '--config.train.save_every=1', '--config.train.freeze=2',
    '--config.train.class_weights=balanced', f'--workdir={tmp_path / "run"}',
  ])  # fmt: skip
  out, err = capsys.readouterr()
  assert status == 0, err
  assert (
    f'35 tensors of tiny taken from {folder}; its head, block_04, is ' in err
  )
  assert 'no validation since that of step ' in err
  result = json.loads((tmp_path / 'run' / 'result.json').read_text())
  assert result['steps'] < 60
  config = json.loads((tmp_path / 'run' / 'config.json').read_text())
  assert [config['data'][f'{name}_split'] for name in (
    'train', 'held_out', 'test',
  )] == ['train[:90%]', 'train[90%:]', 'test']  # fmt: skip
  lines = out.splitlines()
  assert lines[0].split() == ['class', 'test', 'images', 'accuracy']
  assert lines[1].startswith('blue ')
  assert lines[-2].startswith(f'in {tmp_path / "run"}: confusion.csv')


def test_weights_of_a_library_bring_its_conventions(tmp_path):
  tensors = tensors_of('transformers', 'mobilenet_v1', 0.25)
  path = write(tmp_path, 'transformers', tensors)
  loaded = load_pretrained('mobilenet_v1', 'transformers', path, width=0.25)
  model = {
    'name': 'mobilenet_v1', 'width': 0.25, 'source': 'transformers',
    'weights': str(path), 'resolution': 32,
  }  # fmt: skip
  start = open_start(ConfigDict(model), 3, 0)
  spec, theirs = start.spec, loaded.spec
  assert (spec.resolution, spec.num_classes) == (32, 3)
  for what in ('padding', 'norm_epsilon', 'inputs'):
    assert getattr(spec, what) == getattr(theirs, what)
  head = block_name(len(spec.blocks) - 1)
  for kind, blocks in loaded.variables.items():
    for name in blocks.keys() - {head}:
      same(start.variables[kind][name], blocks[name])
  assert start.variables['params'][head]['dense']['kernel'].shape[1] == 3
  leaves = len(jax.tree.leaves(loaded.variables))
  assert (start.taken, start.fresh) == (leaves - 2, 2)


@pytest.mark.parametrize(
  ('there', 'expected'),
  [
    (('train', 'validation', 'test'), ('train', 'validation', 'test')),
    (('train', 'test'), ('train[:90%]', 'train[90%:]', 'test')),
    (('train', 'validation'), ('train[:90%]', 'train[90%:]', 'validation')),
    (('train',), ('train[:80%]', 'train[80%:90%]', 'train[90%:]')),
  ],
)
def test_splits_are_cut_where_there_are_none(there, expected):
  assert shares(there) == expected


@pytest.mark.parametrize(
  ('change', 'says'),
  [
    (f'model.name={BODY.replace("c16", "c24")} dense_c7_li', 'another network'),
    ('model.name=mobilenet_v2', 'holds tiny, not mobilenet_v2'),
    ('model.source=timn', "Unknown source 'timn'. Did you mean 'timm'"),
    ('model.weights=none.safetensors', r'none\.safetensors'),
    ('train.freeze=stride6', "train.freeze: tiny has no endpoint 'stride6'.*D"),
    ('train.class_weights=balance', "'balance'; it is 'balanced' or ''"),
    ('train.layer_decay=1.5', 'layer_decay is 1.5; it must be 0.001 to 1'),
    ('data.name=', r'--config\.data\.name=folder:PATH, PATH having one'),
    ('data.held_out_split=', 'train.patience is 10, but there is nothing to'),
    ('data.held_out_split=train[:1]', "1 image, none of 'green', 'red': too "),
  ],
)
def test_wrong_settings_leave_no_run(photos, weights, tmp_path, change, says):
  with pytest.raises(UserError, match=says):
    training.run(configured(photos, weights[0], change), str(tmp_path / 'run'))
  assert not (tmp_path / 'run').exists()


def test_a_class_without_images(weights, tmp_path):
  fill(tmp_path / 'photos', 20)
  (tmp_path / 'photos' / 'violet').mkdir()
  config = configured(tmp_path / 'photos', weights[0])
  with pytest.raises(UserError, match="class 'violet' has no images"):
    training.run(config, str(tmp_path / 'run'))


def test_a_class_without_images_in_the_part_that_is_trained_on(
  weights, tmp_path
):
  """Of 20 and 1 images, the one is in the middle of all."""
  fill(tmp_path / 'photos' / 'train', 20, ['blue'])
  fill(tmp_path / 'photos' / 'train', 1, ['red'])
  config = configured(
    tmp_path / 'photos', weights[0], 'train.class_weights=balanced',
    'data.train_split=train[:8]', 'train.batch=8', 'train.patience=0',
  )  # fmt: skip
  with pytest.raises(UserError, match="no images of 'red', so that"):
    training.run(config, str(tmp_path / 'run'))
  assert not (tmp_path / 'run').exists()


def test_freezing_needs_weights(photos, tmp_path):
  config = configured(photos, '', 'train.freeze=stride4')
  with pytest.raises(UserError, match='there are no weights to keep'):
    training.run(config, str(tmp_path / 'run'))


def test_the_local_variant_runs_as_it_is(photos, tmp_path):
  found = importlib.util.spec_from_file_location(
    'transfer', ROOT / 'configs' / 'transfer.py'
  )
  module = importlib.util.module_from_spec(found)
  found.loader.exec_module(module)
  config = module.get_config('runlocal')
  config.data.name = f'folder:{photos}'
  config.model.name = f'{BODY} dense_c3_li'
  result = training.run(config, str(tmp_path / 'run'))
  assert result['steps'] == 4
  assert 'start' not in result
