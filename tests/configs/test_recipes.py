"""Config files: what they say, against the papers' numbers and formulas."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from mobilenet_jax.core.config import load_config
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.jobs import checks, training
from mobilenet_jax.jobs.recipes import IMAGENET, chosen, steps_of
from mobilenet_jax.models.builder import drop_path_rates
from mobilenet_jax.models.find import find_arch
from mobilenet_jax.train.schedules import schedule

ROOT = Path(__file__).parents[2]
TINY = 'tiny@32 conv_k3_s2_c8_re uib_k3_e2_c8_re pool dense_c10_li'

# variants, and of each (epochs, batch) or (steps, batch)
RECIPES = {
  'mobilenet_v1': {'': (100, 32)},
  'mobilenet_v2': {'': (700_000, 768), 'paper': (300, 96)},
  'mobilenet_v3': {
    '': (600, 4096), 'small': (600, 4096), 'slim': (600, 1536),
    'small,slim': (600, 1536),
  },
  'mnasnet': dict.fromkeys(('', 'a1', 'b1', 'small'), (350, 4096)),
  'efficientnet_lite': dict.fromkeys(
    ('', 'lite1', 'lite2', 'lite3', 'lite4'), (350, 2048)
  ),
  'mobilenet_v4': {
    '': (9600, 4096), 'conv_medium': (500, 4096),
    'hybrid_medium': (500, 16384), 'conv_large': (500, 16384),
    'hybrid_large': (500, 16384),
  },
  'squeezenet': dict.fromkeys(('', 'v1_1', 'bypass'), (170_000, 512)),
  'shufflenet_v1': dict.fromkeys(
    ('', 'g1', 'g2', 'g4', 'g8'), (300_000, 1024)
  ),
  'shufflenet_v2': dict.fromkeys(
    ('', 'x0_5', 'x1_5', 'x2_0'), (300_000, 1024)
  ),
  'modern': {'': (600, 1024)},
}  # fmt: skip
EACH = [(name, v) for name, variants in RECIPES.items() for v in variants]


def config(name, variant='', *more):
  colon = f':{variant}' if variant else ''
  path = ROOT / 'configs' / f'{name}.py'
  return load_config([f'--config={path}{colon}', *more])


def test_every_config_of_a_training_is_here():
  there = {path.stem for path in (ROOT / 'configs').glob('*.py')}
  assert set(RECIPES) <= there
  for name in there - {'digits', 'search_v3', *RECIPES}:
    text = (ROOT / 'configs' / f'{name}.py').read_text()
    assert 'imagenet_config' not in text, f'{name} is a recipe: add it'


@pytest.mark.parametrize(('name', 'variant'), EACH)
def test_a_recipe_makes_a_network_and_trains_as_long_as_it_says(name, variant):
  found = config(name, variant)
  checks.check_training(found)
  length, batch = RECIPES[name][variant]
  steps = length if length > 10_000 else int(length * IMAGENET / batch)
  assert (found.train.steps, found.train.batch) == (steps, batch)
  assert found.data.name == 'imagenet2012'
  model = found.model
  spec = find_arch(model.name, model.width, model.resolution, 1000)
  own = find_arch(model.name, model.width, None, 1000)
  assert spec.resolution == own.resolution
  drop_path_rates(spec, found.train.drop_path)
  training.network_of(spec, found.train)  # its rates suit the network


@pytest.mark.parametrize(('name', 'variant'), EACH)
def test_runlocal_is_the_recipe_on_something_small(name, variant):
  local = config(name, ','.join(v for v in (variant, 'runlocal') if v))
  whole = config(name, variant)
  checks.check_training(local)
  model = local.model
  spec = find_arch(model.name, model.width, 32, 10)
  training.network_of(spec, local.train)
  assert local.data.name == 'digit_scenes/32'
  for field in ('name', 'schedule', 'warmup', 'momentum', 'epsilon'):
    assert local.train.optimizer[field] == whole.train.optimizer[field]
  for field in ('label_smoothing', 'dropout', 'ema', 'drop_path'):
    assert local.train[field] == whole.train[field]
  assert local.data.augment.policy == whole.data.augment.policy
  assert local.data.augment.mixup == whole.data.augment.mixup


@pytest.mark.parametrize('name', RECIPES)
def test_a_docstring_says_what_was_never_run_and_how_to_run_it(name):
  text = (ROOT / 'configs' / f'{name}.py').read_text()
  for said in (
    f'--config=configs/{name}.py', 'Published', 'Never run here', 'Differs:',
    '`runlocal`',
  ):  # fmt: skip
    assert said in text
  for variant in RECIPES[name]:
    for word in filter(None, variant.split(',')):
      assert f'`{word}`' in text


def test_digits_has_the_values_it_had():
  optimizer = {
    'name': 'sgd', 'learning_rate': 0.06, 'schedule': 'cosine', 'warmup': 0.1,
    'decay_rate': 0.97, 'decay_every': 0.01, 'staircase': True,
    'momentum': 0.9, 'nesterov': True, 'decay': 0.0, 'epsilon': 0.0,
    'weight_decay': 1e-4, 'decay_depthwise': True, 'clip_norm': 5.0,
  }  # fmt: skip
  train = {
    'steps': 1000, 'batch': 32, 'label_smoothing': 0.1, 'dropout': 0.0,
    'drop_path': 0.0, 'ema': 0.0, 'accumulate': 1, 'remat': False,
    'dtype': 'float32', 'norm_momentum': 0.95, 'log_every': 10,
    'save_every': 250,
  }  # fmt: skip
  data = {
    'name': 'digit_scenes/32', 'dir': '', 'strict': False,
    'train_split': 'train', 'held_out_split': '', 'test_split': 'test',
  }  # fmt: skip
  found = config('digits')
  assert found.seed == 0
  assert found.model.to_dict() == {
    'name': 'mobilenet_v3_small', 'width': 1.0, 'resolution': 0,
    'weights': '', 'source': 'mobilenet_jax',
  }  # fmt: skip
  for part, wanted in (
    (found.train.optimizer, optimizer), (found.train, train),
    (found.data, data),
  ):  # fmt: skip
    for field, value in wanted.items():
      assert part[field] == value
      assert type(part[field]) is type(value)
  augment = found.data.augment
  assert (augment.crop, augment.exposure, augment.flip) == ('shift', 0.2, 0.0)
  local = config('digits', 'runlocal').train
  assert (local.steps, local.batch, local.save_every) == (6, 16, 3)


def test_steps_are_those_of_the_authors_scripts():
  # mnasnet_config.py and efficientnet's main.py of tensorflow/tpu
  assert steps_of(350, 1024) == 437_898
  assert steps_of(350, 2048) == 218_949


def test_variants_combine_in_any_order():
  groups = ('large', 'small'), ('paper', 'slim'), ('', 'runlocal')
  assert chosen('', *groups) == ('large', 'paper', '')
  assert chosen('runlocal,small', *groups) == ('small', 'paper', 'runlocal')
  assert chosen('slim', *groups) == ('large', 'slim', '')


@pytest.mark.parametrize(
  ('variant', 'says'),
  [
    (
      'medium',
      "'medium' is none of 'large', 'small', 'paper', 'slim', 'runlocal'",
    ),
    ('large,small', "'large' and 'small' exclude each other"),
    ('small,small', "'small' and 'small' exclude each other"),
  ],
)
def test_a_wrong_variant_is_named_with_the_right_ones(variant, says):
  with pytest.raises(UserError) as error:
    config('mobilenet_v3', variant)
  assert says in str(error.value)


def rates(found, at):
  rate = schedule(found.train.optimizer, found.train.steps)
  return np.array([float(rate(step)) for step in at])


def test_v2_falls_by_2_percent_every_2_5_epochs():
  found = config('mobilenet_v2')
  at = (0, 4_000, 4_400, 100_000, 699_999)
  epochs = np.array(at) * 768 / IMAGENET
  wanted = 8 * 0.045 * 0.98 ** np.floor(epochs / 2.5)
  np.testing.assert_allclose(rates(found, at), wanted, rtol=1e-4)


def test_mnasnet_warms_up_and_falls_by_3_percent_every_2_4_epochs():
  found = config('mnasnet')
  at = (0, 782, 1_500, 1_600, 20_100, 109_000)
  epochs = np.array(at) * 4096 / IMAGENET
  stairs = 0.256 * 0.97 ** np.floor(epochs / 2.4)
  wanted = np.where(epochs < 5, 0.256 * epochs / 5, stairs)
  np.testing.assert_allclose(rates(found, at), wanted, rtol=2e-3)


def test_v3_slim_warms_up_and_falls_by_1_percent_every_3_epochs():
  found = config('mobilenet_v3', 'slim')
  at = (0, 2_000, 4_100, 4_300, 100_500, 500_000)
  epochs = np.array(at) * 1536 / IMAGENET
  stairs = 0.16 * 0.99 ** np.floor(epochs / 3)
  wanted = np.where(epochs < 5, 0.16 * epochs / 5, stairs)
  np.testing.assert_allclose(rates(found, at), wanted, rtol=2e-3)
  paper = config('mobilenet_v3')
  assert rates(paper, (0,))[0] == pytest.approx(0.1)  # no warm-up


@pytest.mark.parametrize(
  ('variant', 'peak', 'warm', 'epochs', 'batch'),
  [
    ('conv_small', 0.002, 5, 9600, 4096),
    ('conv_medium', 0.004, 5, 500, 4096),
    ('hybrid_large', 0.01, 20, 500, 16384),
  ],
)
def test_v4_is_a_cosine_after_its_warm_up(variant, peak, warm, epochs, batch):
  found = config('mobilenet_v4', variant)
  at = [found.train.steps * k // 7 for k in range(8)] + [500]
  wanted = []
  for step in at:
    epoch = step * batch / IMAGENET
    gone = (epoch - warm) / (epochs - warm)
    down = peak * (1 + math.cos(math.pi * gone)) / 2
    wanted.append(peak * epoch / warm if epoch < warm else down)
  np.testing.assert_allclose(rates(found, at), wanted, rtol=1e-3, atol=1e-8)


@pytest.mark.parametrize(
  ('name', 'peak', 'steps'),
  [
    ('shufflenet_v1', 0.5, 300_000),
    ('shufflenet_v2', 0.5, 300_000),
    ('squeezenet', 0.04, 170_000),
  ],
)
def test_linear_decay_starts_at_the_peak(name, peak, steps):
  at = (0, 1, steps // 2, steps - 1)
  wanted = peak * (1 - np.array(at) / steps)
  np.testing.assert_allclose(rates(config(name), at), wanted, rtol=1e-2)


def test_v4_has_table_10():
  rows = {
    '': (0.01, 0.6, 1e-6, 0.3, 0.0, 0.5, 0.0),
    'conv_medium': (0.1, 0.9, 1e-7, 0.2, 0.075, 0.7, 0.0),
    'hybrid_medium': (0.1, 0.9, 1e-7, 0.2, 0.075, 0.7, 0.0),
    'conv_large': (0.2, 0.9, 1e-7, 0.2, 0.35, 1.0, 0.8),
    'hybrid_large': (0.2, 0.9, 1e-7, 0.2, 0.35, 1.0, 0.8),
  }
  for variant, row in rows.items():
    found = config('mobilenet_v4', variant)
    rule, train, augment = (
      found.train.optimizer, found.train, found.data.augment,
    )  # fmt: skip
    assert row == (
      rule.weight_decay, rule.momentum, rule.epsilon, train.dropout,
      train.drop_path, augment.policy_share, augment.mixup,
    )  # fmt: skip
    assert augment.mix_share == (0.3 if augment.mixup else 1.0)
    assert train.ema == (0.9999 if variant == '' else 0.0)


@pytest.mark.parametrize(
  ('name', 'model'),
  [
    ('squeezenet', ()),
    ('mobilenet_v4', (f'--config.model.name={TINY}',)),
  ],
)
def test_a_short_runlocal_trains_and_reports(scenes, tmp_path, name, model):
  found = config(
    name, 'runlocal', scenes, *model, '--config.train.steps=4',
    '--config.train.batch=16', '--config.train.save_every=2',
    '--config.train.log_every=1',
  )  # fmt: skip
  result = training.run(found, str(tmp_path / 'run'))
  assert 0 <= result['test']['accuracy'] <= 1
  rows = (tmp_path / 'run' / 'metrics.jsonl').read_text().splitlines()
  losses = [json.loads(row)['loss'] for row in rows]
  assert len(losses) == 4
  assert np.isfinite(losses).all()
