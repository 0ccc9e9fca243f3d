"""`mobilenet-jax evaluate`, as a user runs it."""

import csv
import json
import shutil
import zipfile

import jax
import numpy as np
import pytest

import mobilenet_jax as mnj
from mobilenet_jax.arch.inputs import IMAGENET
from mobilenet_jax.cli.main import main
from mobilenet_jax.data.pipeline import eval_batches
from mobilenet_jax.data.sources import open_source
from mobilenet_jax.export.tflite import convert, network_to_tflite
from mobilenet_jax.jobs import trained
from mobilenet_jax.models.pretrained import load_pretrained, save_weights
from mobilenet_jax.tasks.classification import init_variables
from mobilenet_jax.tasks.metrics import Tally
from tests.data.pictures import picture

SPEC = 'tiny@32 conv_k3_s2_c8_re ir_k3_s2_e2_c8_re pool dense_c10_li'
NAMES = ('red', 'green', 'blue', 'grey', 'pink', 'rose')
PETS = 'pets@16 conv_k3_s2_c8_hs pool dense_c6_li'


def loud(model):
  """Variables whose answers differ from image to image."""
  variables = init_variables(model, 0)
  return jax.tree.map(lambda x: 40 * x if x.ndim == 2 else x, variables)


@pytest.fixture(scope='module')
def made(scenes_dir, request, tmp_path_factory):
  """A run, its weights as a file, and float and int8 .tflite of it."""
  place = tmp_path_factory.mktemp('made')
  config = request.config.rootpath / 'configs' / 'digits.py'
  argv = ['train', f'--config={config}:runlocal', f'--workdir={place / "run"}',
          f'--config.data.dir={scenes_dir}', f'--config.model.name={SPEC}',
          '--config.train.steps=40']  # fmt: skip
  assert main(argv) == 0
  run = trained.open_trained(str(place / 'run'))
  save_weights(place / 'w.safetensors', run.spec, run.variables)
  batch = next(eval_batches(trained.test_source(run), batch=40, resolution=32))
  samples = [image[None] for image in batch['image']]
  for dtype in ('float32', 'int8'):
    model = network_to_tflite(run.spec, run.variables, dtype, samples)
    (place / f'{dtype}.tflite').write_bytes(model)
  return place


@pytest.fixture
def evaluated(capsys):
  """Runs the command with --json; returns the document."""

  def run(*argv):
    assert main(['evaluate', *map(str, argv), '--json']) == 0
    return json.loads(capsys.readouterr().out)

  return run


@pytest.fixture
def mistaken(capsys):
  """Runs a wrong command; returns what it said."""

  def run(*argv):
    status = main(['evaluate', *map(str, argv)])
    out, err = capsys.readouterr()
    assert (status, out) == (2, '')
    assert len(err.strip().splitlines()) == 1, err
    return err

  return run


def measures(found):
  return [found[k] for k in ('accuracy', 'top5', 'loss', 'calibration_error')]


def test_a_run_is_as_it_reported(made, evaluated):
  found = evaluated('--workdir', made / 'run')
  told = json.loads((made / 'run' / 'result.json').read_text())['test']
  assert found['accuracy'] == told['accuracy']
  assert found['top5'] == told['top5']
  assert found['loss'] == pytest.approx(told['loss'], rel=1e-5)
  assert (found['data'], found['split']) == ('digit_scenes/32', 'test')
  assert found['images'] == sum(r['images'] for r in found['per_class']) == 200
  right = sum(row['right'] for row in found['per_class'])
  assert right / 200 == pytest.approx(found['accuracy'])
  assert found['images_per_second'] > 0
  assert found['notes'] == []
  assert sum(row['right'] > 0 for row in found['per_class']) > 1


def test_a_run_that_was_stopped(made, evaluated, mistaken, tmp_path):
  run = tmp_path / 'run'
  shutil.copytree(made / 'run', run)
  (run / 'result.json').unlink()
  found = evaluated('--workdir', run)
  assert measures(found) == measures(evaluated('--workdir', made / 'run'))
  assert found['notes'] == [
    'The run has not finished training: this is its checkpoint.'
  ]
  shutil.rmtree(run / 'checkpoints')
  assert 'has not finished training' in mistaken('--workdir', run)


def test_run_weights_and_tflite_agree(made, scenes_dir, evaluated):
  data = ('--data=digit_scenes/32', f'--data-dir={scenes_dir}')
  run = evaluated('--workdir', made / 'run')
  weights = ('--model', SPEC, '--weights', made / 'w.safetensors')
  for argv in (
    (*weights, *data),
    (*weights, *data, '--batch=7'),
    ('--tflite', made / 'float32.tflite', *data),
    ('--tflite', made / 'float32.tflite', '--workdir', made / 'run'),
  ):
    assert measures(evaluated(*argv)) == pytest.approx(measures(run), rel=1e-4)
  small = evaluated('--tflite', made / 'int8.tflite', *data)
  np.testing.assert_allclose(measures(small), measures(run), atol=0.03)
  assert 'this package (0.5, 0.5, 87.5%)' in small['notes'][0]


def test_another_split_and_the_sheets(made, scenes_dir, evaluated, tmp_path):
  out = tmp_path / 'sheets'
  found = evaluated(
    '--workdir', made / 'run', '--split=validation[:30]', '--out', out
  )
  assert found['images'] == 30
  rows = list(csv.DictReader((out / 'per_class.csv').open()))
  assert [row['class'] for row in rows] == [str(i) for i in range(10)]
  assert [int(row['right']) for row in rows] == [
    row['right'] for row in found['per_class']
  ]
  head, *matrix = csv.reader((out / 'confusion.csv').open())
  cells = np.array([row[1:] for row in matrix], int)
  assert head == ['class / answer', *(str(i) for i in range(10))]
  assert cells.sum(1).tolist() == [r['images'] for r in found['per_class']]
  assert np.trace(cells) / 30 == pytest.approx(found['accuracy'])


def test_plain_output(made, capsys):
  assert main(['evaluate', '--workdir', str(made / 'run')]) == 0
  out = capsys.readouterr().out.splitlines()
  assert out[0] == 'tiny on digit_scenes/32 test, 200 images'
  assert [line.split('  ')[1] for line in out[1:6]] == [
    'top-1 accuracy', 'top-5 accuracy', 'loss', 'calibration error',
    'images per second',
  ]  # fmt: skip
  assert 'once it is compiled' in out[5]
  assert out[7].split() == ['class', 'images', 'accuracy']
  assert len(out) == 18


@pytest.fixture(scope='module')
def pets(tmp_path_factory):
  """(weights of 6 named colours, a folder of two of them, misnamed ones)."""
  place = tmp_path_factory.mktemp('pets')
  model = mnj.create_model(PETS)
  save_weights(place / 'w.safetensors', model.spec, loud(model), NAMES)
  for label in ('Rose', 'blue'):
    (place / 'some' / 'test' / label).mkdir(parents=True)
    (place / 'some' / 'train' / label).mkdir(parents=True)
    for number in range(5):
      seed = number + 100 * len(label)
      for split in ('test', 'train'):
        picture(seed, (20, 16)).save(
          place / 'some' / split / label / f'{number}.png'
        )
  return place


def test_a_folder_is_matched_by_name(pets, evaluated):
  found = evaluated(
    '--model', PETS, '--weights', pets / 'w.safetensors',
    '--data', f'folder:{pets / "some"}',
  )  # fmt: skip
  net = load_pretrained('pets', 'mobilenet_jax', pets / 'w.safetensors')
  source = open_source(f'folder:{pets / "some"}', 'test')
  assert source.class_names == ('Rose', 'blue')
  logits = np.stack([
    net.model.apply(net.variables, net.preprocess([row['image']]))[0]
    for row in source
  ])  # fmt: skip
  tally = Tally(2)
  tally.add(logits[:, [5, 2]], source.labels)
  expected = tally.summary()
  assert found['accuracy'] == expected['accuracy']
  assert found['loss'] == pytest.approx(expected['loss'], rel=1e-4)
  assert 'top5' not in found
  assert found['notes'] == [
    "Classes are matched by name; of the network's 6 only the data's 2 compete."
  ]


def test_classes_must_agree(made, pets, mistaken, scenes_dir):
  data = ('--data', f'folder:{pets / "some"}')
  weights = ('--model', SPEC, '--weights', made / 'w.safetensors')
  assert 'tiny has 10 classes, folder:' in mistaken(*weights, *data)
  assert "('Rose', 'blue'), which are not among" in mistaken(
    '--workdir', made / 'run', *data
  )
  said = mistaken(
    '--model', PETS, '--weights', pets / 'w.safetensors',
    '--data=digit_scenes/32', f'--data-dir={scenes_dir}',
  )  # fmt: skip
  assert 'pets has 6 classes, digit_scenes/32 has 10' in said


def test_a_tflite_takes_its_preparation_from_a_model(pets, evaluated, tmp_path):
  """The mean and std of ImageNet, which the file does not hold; and labels."""
  spec = mnj.create_model(PETS).spec.replace(inputs=IMAGENET)
  arch = tmp_path / 'arch.json'
  arch.write_text(json.dumps(mnj.arch.to_json(spec)))
  variables = loud(mnj.create_model(spec))
  save_weights(tmp_path / 'w.safetensors', spec, variables, NAMES)
  (tmp_path / 'in').mkdir()
  file = tmp_path / 'in' / 'm.tflite'
  file.write_bytes(network_to_tflite(spec, variables))
  with zipfile.ZipFile(file, 'a') as packed:  # as TFLite's metadata has it
    packed.writestr('labels.txt', '\n'.join(NAMES))
  data = ('--data', f'folder:{pets / "some"}')
  ours = evaluated(
    '--model', arch, '--weights', tmp_path / 'w.safetensors', *data
  )
  told = evaluated('--tflite', file, '--model', arch, *data)
  keys = ('accuracy', 'loss', 'calibration_error')
  assert [told[k] for k in keys] == pytest.approx([ours[k] for k in keys])
  assert told['notes'][0].endswith(f'the mean, std and crop of {arch}.')
  bare = evaluated('--tflite', file, *data)
  assert abs(bare['loss'] - ours['loss']) > 1e-3
  beside = tmp_path / 'm.tflite'  # as in a run folder
  beside.write_bytes(file.read_bytes())
  told = evaluated('--tflite', beside, *data)
  assert [told[k] for k in keys] == pytest.approx([ours[k] for k in keys])


def test_a_tflite_that_gives_probabilities(pets, evaluated, tmp_path):
  model = mnj.create_model(PETS)
  variables = loud(model)

  def odds(x):
    return jax.nn.softmax(model.apply(variables, x))

  samples = [
    np.random.default_rng(i).normal(size=(1, 16, 16, 3)) for i in range(8)
  ]
  samples = [sample.astype(np.float32) for sample in samples]
  labels = tmp_path / 'names.txt'
  labels.write_text('\n'.join(NAMES))
  data = ('--data', f'folder:{pets / "some"}', '--labels', labels)
  ours = evaluated('--model', PETS, '--weights', pets / 'w.safetensors', *data)
  for dtype, near in (('float32', 1e-5), ('int8', 0.05)):
    file = tmp_path / f'{dtype}.tflite'
    file.write_bytes(convert(odds, (1, 16, 16, 3), dtype, samples))
    found = evaluated('--tflite', file, *data)
    assert found['loss'] == pytest.approx(ours['loss'], abs=near)
    assert 'probabilities' in found['notes'][1]


def test_weights_that_are_not_finite_fail_the_job(pets, capsys, tmp_path):
  model = mnj.create_model(PETS)
  bad = jax.tree.map(lambda x: x * np.nan, loud(model))
  save_weights(tmp_path / 'bad.safetensors', model.spec, bad, NAMES)
  argv = ['--model', PETS, '--weights', tmp_path / 'bad.safetensors',
          '--data', f'folder:{pets / "some"}']  # fmt: skip
  assert main(['evaluate', *map(str, argv)]) == 1
  assert 'pets gives no finite numbers' in capsys.readouterr().err


@pytest.mark.parametrize(
  ('argv', 'says'),
  [
    ([], 'Name a network by --workdir'),
    (['--model=mobilenet_v2'], 'Name a network by --workdir'),
    (['--weights=w', '--workdir=w'], '--weights goes without'),
    (['--model=m', '--workdir=w'], '--workdir goes without --model'),
    (['--model=mobilenet_v2', '--weights=w'], '--data is missing'),
    (['--tflite=m.tflite', '--data=x', '--source=timm'], 'go with --model'),
    (['--tflite=none.tflite', '--data=x'], 'There is no file none.tflite'),
    (['--tflite=x.tflite', '--data=x'], 'x.tflite is no model that LiteRT'),
    (['--workdir=none'], 'none is no run folder'),
    (['--workdir=.'], 'no config.json'),
  ],
)
def test_mistakes(mistaken, argv, says, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  (tmp_path / 'x.tflite').write_bytes(b'no flatbuffer, but bytes' * 9)
  assert says in mistaken(*argv)
  assert [path.name for path in tmp_path.iterdir()] == ['x.tflite']


@pytest.mark.parametrize(
  ('argv', 'says'),
  [
    (['--split=tset'], "no split 'tset'; it has train, validation, test"),
    (['--batch=0'], '--batch is 0'),
    (['--data=digit_scene/32'], "'digit_scenes'"),
    (['--out=/proc/none'], 'Cannot write to folder /proc/none'),
  ],
)
def test_mistakes_with_a_run(made, mistaken, capsys, argv, says):
  if argv == ['--out=/proc/none']:
    assert main(['evaluate', f'--workdir={made / "run"}', *argv]) == 2
    assert says in capsys.readouterr().err
  else:
    assert says in mistaken(f'--workdir={made / "run"}', *argv)


def test_weights_of_another_library_need_its_name(mistaken, tmp_path):
  from safetensors.numpy import save_file

  path = tmp_path / 'foreign.safetensors'
  save_file({'conv.weight': np.zeros((8, 3, 3, 3), np.float32)}, path)
  argv = ('--model=mobilenet_v2', '--weights', path, '--data=digit_scenes/32')
  assert 'by --source=torchvision|timm|' in mistaken(*argv)
  said = mistaken(*argv, '--source=torchvison')
  assert "Did you mean 'torchvision'?" in said
  assert 'is not mobilenet_v2' in mistaken(*argv, '--source=torchvision')
