"""`mobilenet-jax predict`, as a user runs it."""

import json

import jax
import numpy as np
import pytest
from PIL import ExifTags, Image
from safetensors.numpy import save_file

import mobilenet_jax as mnj
from mobilenet_jax.cli.main import main
from mobilenet_jax.data.pipeline import eval_batches
from mobilenet_jax.jobs import trained
from mobilenet_jax.models.pretrained import load_pretrained, save_weights
from mobilenet_jax.tasks.classification import init_variables

TINY = 'tiny@32,crop1.0 conv_k3_s2_c8_re conv_k3_s2_c16_re pool dense_c4_li'
NAMES = ('red', 'green', 'blue', 'grey')


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
  """Weights of TINY, with names of its classes."""
  path = tmp_path_factory.mktemp('weights') / 'tiny.safetensors'
  model = mnj.create_model(TINY)
  save_weights(path, model.spec, init_variables(model, 0), NAMES)
  return path


@pytest.fixture
def photos(tmp_path):
  """Pictures of every kind, two of them broken."""
  folder = tmp_path / 'photos'
  (folder / 'more').mkdir(parents=True)
  rng = np.random.default_rng(0)
  pixels = rng.integers(0, 256, (6, 8, 3), np.uint8).repeat(9, 0).repeat(9, 1)
  image = Image.fromarray(pixels)
  exif = Image.Exif()
  exif[ExifTags.Base.Orientation] = 6
  image.save(folder / 'a.jpg', exif=exif)
  image.convert('CMYK').save(folder / 'b.jpg')
  image.convert('L').save(folder / 'c.png')
  image.convert('RGBA').save(folder / 'more' / 'c.png')
  image.save(folder / 'more' / 'd.webp', lossless=True)
  (folder / 'broken.jpg').write_bytes((folder / 'a.jpg').read_bytes()[:900])
  (folder / 'more' / 'text.png').write_text('no image')
  return folder


def predict(capsys, weights, *argv):
  status = main(
    ['predict', *map(str, argv), f'--model={TINY}', f'--weights={weights}']
  )
  out, err = capsys.readouterr()
  return status, out, err


def test_broken_images_are_named_and_the_others_done(capsys, weights, photos):
  status, out, err = predict(
    capsys, weights, photos, '--json', '--batch=2', '--top=3'
  )
  assert status == 1
  found = json.loads(out)
  assert found['model'] == 'tiny'
  done = [
    str(photos / name)
    for name in ('a.jpg', 'b.jpg', 'c.png', 'more/c.png', 'more/d.webp')
  ]
  assert [row['image'] for row in found['images']] == done
  broken = [str(photos / 'broken.jpg'), str(photos / 'more' / 'text.png')]
  assert [row['image'] for row in found['broken']] == broken
  assert all(name in err for name in broken)
  assert err.endswith('mobilenet-jax: 2 of 7 images could not be read.\n')
  model = load_pretrained('tiny', 'mobilenet_jax', weights)
  x = mnj.preprocess(done, model)
  assert (x == model.preprocess(done)).all()
  probs = jax.nn.softmax(model.model.apply(model.variables, x))
  for row, expected in zip(
    found['images'], mnj.decode_predictions(probs, 3, NAMES), strict=True
  ):
    for line, (index, label, probability) in zip(
      row['predictions'], expected, strict=True
    ):
      assert (line['index'], line['label']) == (index, label)
      assert line['probability'] == pytest.approx(probability, rel=1e-4)


def test_plain_output_and_annotated_pictures(capsys, weights, photos):
  out_dir = photos / 'labelled'
  for _ in range(2):  # again: what was written is no input, and is replaced
    status, out, _ = predict(
      capsys, weights, photos / 'a.jpg', photos / 'more' / 'c.png',
      f'{photos}/**/c.png', '--annotate', out_dir,
    )  # fmt: skip
    assert status == 0
    lines = out.splitlines()
    assert len(lines) == 3 * (1 + len(NAMES))
    assert lines[0] == str(photos / 'a.jpg')
    assert sorted(line.split()[1] for line in lines[1:5]) == sorted(NAMES)
    percents = [float(line.split('%')[0]) for line in lines[1:5]]
    assert percents == sorted(percents, reverse=True)
    assert sum(percents) == pytest.approx(100, abs=0.3)
    made = sorted(path.name for path in out_dir.iterdir())
    assert made == ['a.jpg', 'c-2.jpg', 'c.jpg']
  with Image.open(out_dir / 'a.jpg') as sheet:
    upright = np.asarray(sheet)[:72, (sheet.width - 54) // 2 :][:, :54]
    assert sheet.height > 72 + 4 * 14
  original = mnj.open_image(photos / 'a.jpg')
  assert original.shape == (72, 54, 3)
  assert np.abs(upright.astype(int) - original).mean() < 12
  status, out, _ = predict(
    capsys, weights, photos, '--annotate', out_dir, '--json'
  )
  rows = json.loads(out)['images']
  assert len(rows) == 5
  assert all(row['annotated'].startswith(str(out_dir)) for row in rows)


def test_a_users_labels(capsys, weights, photos, tmp_path):
  path = tmp_path / 'names.txt'
  path.write_text('\n'.join(f'name {i}' for i in range(4)))
  argv = (photos / 'c.png', '--labels', path, '--json')
  _, out, _ = predict(capsys, weights, *argv)
  for line in json.loads(out)['images'][0]['predictions']:
    assert line['label'] == f'name {line["index"]}'
  path.write_text('one\ntwo')
  status, out, err = predict(capsys, weights, *argv)
  assert (status, out) == (2, '')
  assert '2 labels do not name 4 classes' in err


def test_weights_that_are_not_finite_fail_the_job(capsys, photos, tmp_path):
  model = mnj.create_model(TINY)
  shapes = jax.eval_shape(
    model.init, jax.random.key(0), np.zeros((1, 32, 32, 3))
  )
  bad = jax.tree.map(lambda s: np.full(s.shape, np.nan, np.float32), shapes)
  save_weights(tmp_path / 'bad.safetensors', model.spec, bad)
  status, out, err = predict(
    capsys, tmp_path / 'bad.safetensors', photos / 'c.png'
  )
  assert (status, out) == (1, '')
  assert 'no finite numbers' in err


@pytest.mark.parametrize(
  ('argv', 'says'),
  [
    ([], 'IMAGE'),
    (['a.jpg'], '--workdir'),
    (['a.jpg', '--model=mobilenet_v2'], '--weights'),
    (['a.jpg', '--workdir=w', '--model=mobilenet_v2'], 'goes without'),
    (['none.jpg', '--workdir=w'], "no image 'none.jpg'"),
    (['.', '--workdir=w'], "'.' holds no image files"),
    (['*.png', '--workdir=w'], "'*.png' holds no image files"),
    (['x.dat', '--workdir=w'], 'no config.json'),
    (['x.dat', '--model=mobilenet_v', '--weights=w'], 'w'),
  ],
)
def test_mistakes(capsys, argv, says, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  (tmp_path / 'x.dat').touch()
  assert main(['predict', *argv]) == 2
  out, err = capsys.readouterr()
  assert out == ''
  assert len(err.strip().splitlines()) == 1
  assert says in err
  assert [path.name for path in tmp_path.iterdir()] == ['x.dat']


@pytest.mark.parametrize(
  ('argv', 'says'),
  [
    (['--top=0'], 'top is 0'),
    (['--batch=0'], 'batch is 0'),
    (['--annotate=/proc/none'], 'Cannot write to folder /proc/none'),
    (['--labels=none.txt'], 'No such file'),
    (['--width=0.5'], 'width multiplier'),
    (['--width=0'], 'width multiplier'),
  ],
)
def test_mistakes_with_a_network(capsys, weights, photos, argv, says):
  status, out, err = predict(capsys, weights, photos / 'c.png', *argv)
  assert (status, out) == (2, '')
  assert says in err


def test_another_network_than_the_file_holds(capsys, weights, photos):
  for model in ('other@32 pool dense_c4_li', TINY.replace('c16', 'c8')):
    argv = ['predict', str(photos / 'c.png'), f'--weights={weights}']
    assert main([*argv, f'--model={model}']) == 2
    assert 'tiny' in capsys.readouterr().err


def test_help_tells_what_every_option_means(capsys):
  with pytest.raises(SystemExit) as done:
    main(['predict', '--help'])
  assert done.value.code == 0
  said = ' '.join(capsys.readouterr().out.split())
  assert '--batch BATCH images the network sees at once; 32' in said


def test_weights_of_another_library(capsys, photos, tmp_path):
  path = tmp_path / 'foreign.safetensors'
  save_file({'conv.weight': np.zeros((8, 3, 3, 3), np.float32)}, path)
  status, out, err = predict(capsys, path, photos / 'c.png')
  assert (status, out) == (2, '')
  assert 'turn it into ours with mobilenet-jax import-weights' in err
  assert 'source' not in err


def test_a_run_folder(capsys, scenes, scenes_dir, tmp_path, request):
  """Its classes, and its images as training and evaluation had them."""
  work = tmp_path / 'run'
  config = request.config.rootpath / 'configs' / 'digits.py'
  argv = ['train', f'--config={config}:runlocal', scenes,
          '--config.model.name=x@32 conv_k3_s2_c8_re pool dense_c10_li',
          f'--workdir={work}']  # fmt: skip
  assert main(argv) == 0
  run = trained.open_trained(str(work))
  source = trained.test_source(run)
  paths = [tmp_path / f'{i}.png' for i in range(3)]
  for path, example in zip(paths, source, strict=False):
    Image.fromarray(example['image']).save(path)
  capsys.readouterr()
  argv = [*map(str, paths), f'--workdir={work}', '--top=10', '--json']
  assert main(['predict', *argv]) == 0
  found = json.loads(capsys.readouterr().out)['images']
  batch = next(iter(eval_batches(source, batch=3, resolution=32)))
  logits = mnj.create_model(run.spec).apply(run.variables, batch['image'])
  probs = np.asarray(jax.nn.softmax(logits))
  for row, expected in zip(found, probs, strict=True):
    for line in row['predictions']:
      assert line['label'] == source.class_names[line['index']]
      assert line['probability'] == pytest.approx(
        float(expected[line['index']]), rel=1e-4
      )
