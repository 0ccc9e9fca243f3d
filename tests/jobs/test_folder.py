"""Training on a folder of pictures, as a user has one."""

import importlib.util
import json
from pathlib import Path

import pytest

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.jobs import evaluating, training
from mobilenet_jax.jobs.subjects import from_run
from tests.data.pictures import picture

CONFIG = Path(__file__).parents[2] / 'configs' / 'digits.py'
SPEC = 'tiny@16 conv_k3_s2_c8_hs pool dense_c2_li'


@pytest.fixture
def config(tmp_path):
  loaded = importlib.util.spec_from_file_location('digits', CONFIG)
  module = importlib.util.module_from_spec(loaded)
  loaded.loader.exec_module(module)
  for label in ('cat', 'dog'):
    (tmp_path / 'pets' / label).mkdir(parents=True)
    for number in range(20):
      sides = (20 + 2 * number, 30)
      path = tmp_path / 'pets' / label / f'{number}.jpg'
      picture(number, sides).save(path)
  made = module.get_config('runlocal')
  made.model.name = SPEC
  made.model.resolution = 16
  made.data.name = f'folder:{tmp_path / "pets"}'
  return made


def test_a_network_learns_a_folder(config, tmp_path, capsys):
  (tmp_path / 'pets' / 'cat' / '3.jpg').write_bytes(b'no picture')
  result = training.run(config, str(tmp_path / 'run'))
  assert set(result['test']) == {'accuracy', 'loss'}
  assert '3.jpg' in capsys.readouterr().err
  found = evaluating.evaluate(
    from_run(str(tmp_path / 'run')), split='val'
  ).as_json()
  assert (found['split'], found['images']) == ('val', 4)


def test_a_run_knows_its_classes_where_its_images_are_gone(config, tmp_path):
  training.run(config, str(tmp_path / 'run'))
  pets, others = tmp_path / 'pets', tmp_path / 'others'
  pets.rename(others)
  (others / 'cat').rename(others / 'zebra')
  subject = from_run(str(tmp_path / 'run'))
  assert subject.labels == ('cat', 'dog')
  with pytest.raises(UserError, match=r"a class 'zebra' that tiny does not"):
    evaluating.evaluate(subject, data=f'folder:{others}')


def test_a_broken_image_ends_a_strict_job(config, tmp_path):
  (tmp_path / 'pets' / 'cat' / '3.jpg').write_bytes(b'no picture')
  config.data.strict = True
  with pytest.raises(UserError, match=r'3\.jpg'):
    training.run(config, str(tmp_path / 'run'))


def test_photographs_need_a_resolution(config, tmp_path):
  config.model.resolution = 0
  with pytest.raises(UserError, match=r'--config\.model\.resolution=224'):
    training.run(config, str(tmp_path / 'run'))


def test_fewer_images_than_a_batch(config, tmp_path):
  config.train.batch = 64
  with pytest.raises(UserError, match='32 images, fewer than one batch of 64'):
    training.run(config, str(tmp_path / 'run'))


def test_every_augmentation_trains(config, tmp_path):
  config.data.augment.update(
    {
      'crop': 'inception',
      'flip': 0.5,
      'policy': 'randaugment',
      'hue': 0.1,
      'erasing': 0.5,
      'mixup': 0.2,
      'cutmix': 1.0,
      'repeats': 2,
    }
  )
  result = training.run(config, str(tmp_path / 'run'))
  assert 0 <= result['test']['accuracy'] <= 1


def test_an_unknown_augmentation(config, tmp_path):
  config.data.augment.policy = 'autoagment'
  with pytest.raises(UserError, match="'autoagment'; known: '', 'autoaugment'"):
    training.run(config, str(tmp_path / 'run'))
  assert not (tmp_path / 'run' / 'metrics.jsonl').exists()


def test_the_best_of_a_held_out_split_is_kept(config, tmp_path):
  config.data.held_out_split = 'val'
  config.train.save_every = 2
  training.run(config, str(tmp_path / 'run'))
  rows = (tmp_path / 'run' / 'metrics.jsonl').read_text().splitlines()
  found = [json.loads(row) for row in rows if 'validation' in row]
  assert [row['step'] for row in found] == [2, 4, 6]
  best = max(row['validation']['accuracy'] for row in found)
  again = evaluating.evaluate(from_run(str(tmp_path / 'run')), split='val')
  assert again.as_json()['accuracy'] == best


def test_a_wrong_batch_is_told_before_the_folder_is_used(config, tmp_path):
  config.data.augment.mixup = 0.2
  config.train.batch = 15
  with pytest.raises(UserError, match='make it a multiple of 2'):
    training.run(config, str(tmp_path / 'run'))
  config.train.batch = 16  # the same folder
  training.run(config, str(tmp_path / 'run'))


@pytest.mark.parametrize('field', ['steps', 'batch', 'log_every', 'save_every'])
def test_numbers_out_of_range(config, tmp_path, field):
  config.train[field] = 0
  with pytest.raises(UserError, match=f'train.{field} is 0; it must be 1 or'):
    training.run(config, str(tmp_path / 'run'))


def test_a_run_does_not_go_on_with_other_images(config, tmp_path):
  training.run(config, str(tmp_path / 'run'))
  picture(99, (30, 30)).save(tmp_path / 'pets' / 'dog' / 'new.jpg')
  with pytest.raises(UserError, match=r'does not hold the images .* began'):
    training.run(config, str(tmp_path / 'run'))


@pytest.mark.parametrize('text', ['{}', '[]', '{"train": 3}'])
def test_a_damaged_note_of_the_images_is_told(config, tmp_path, text):
  training.run(config, str(tmp_path / 'run'))
  (tmp_path / 'run' / 'data.json').write_text(text)
  with pytest.raises(UserError, match=r'data\.json does not say what train'):
    training.run(config, str(tmp_path / 'run'))


def test_a_run_of_an_earlier_version_is_told(config, tmp_path):
  training.run(config, str(tmp_path / 'run'))
  path = tmp_path / 'run' / 'config.json'
  before = json.loads(path.read_text())
  del before['train']['mesh']
  path.write_text(json.dumps(before))
  with pytest.raises(UserError, match='earlier mobilenet-jax'):
    from_run(str(tmp_path / 'run'))


@pytest.mark.parametrize('field', ['train.drop_path', 'train.optimizer.decay'])
def test_a_config_without_a_field(config, tmp_path, field):
  *parents, last = field.split('.')
  place = config
  for name in parents:
    place = place[name]
  del place[last]
  with pytest.raises(UserError, match=f"has no field '{field}'"):
    training.run(config, str(tmp_path / 'run'))
