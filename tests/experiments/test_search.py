"""Searches at equal cost: budgets, what is lent, intervals, resuming."""

import csv
import importlib
import json
import shutil
import sys
from pathlib import Path

import pytest

from mobilenet_jax.arch import count, from_string
from mobilenet_jax.core.config import load_config
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.jobs.searching import search_images, training_images
from mobilenet_jax.latency.tensors import space_keys
from mobilenet_jax.space import get_space
from tests.latency.toy import toy_table

FOLDER = Path(__file__).parents[2] / 'experiments/search'
NAMES = (
  'run', 'plans', 'comparison', 'random_search', 'step_speed', 'searching',
  'agreement',
)  # fmt: skip


@pytest.fixture
def module(monkeypatch):
  monkeypatch.syspath_prepend(str(FOLDER))
  yield importlib.import_module
  for name in NAMES:
    sys.modules.pop(name, None)


@pytest.mark.parametrize('name', ['tunas', 'sandwich', 'differentiable'])
def test_a_search_sees_what_it_is_allowed_and_not_a_step_more(module, name):
  plans, budget = module('plans'), 192_000
  flags = plans.flags_of(name, 3, (), local=False)
  config = load_config(plans.search_flags(flags, budget))
  space = get_space(config.space, 64, 10)
  assert config.seed == 3
  assert 0.999 * budget < search_images(config, space) <= budget
  longer = [*flags, f'--config.search.steps={config.search.steps + 1}']
  assert search_images(load_config(longer), space) > budget


def test_a_budget_that_evolution_alone_would_spend_is_refused(module):
  plans = module('plans')
  flags = plans.flags_of('sandwich', 0, (), local=False)
  with pytest.raises(UserError, match='Random search sees 100 images, too few'):
    plans.search_flags(flags, 100.0)


def test_weights_that_nobody_shares_agree_with_nothing(
  module, scenes_dir, tmp_path, capfd
):
  agreement = module('agreement')
  status = agreement.main(
    [f'--workdir={tmp_path / "run"}', '--config=configs/trials.py:runlocal',
     f'--config.data.dir={scenes_dir}']
  )  # fmt: skip
  assert status == 2
  assert "search.algorithm is 'trials'; weights are shared by" in (
    capfd.readouterr().err
  )


def row(algorithm, seed, accuracy):
  return {
    'algorithm': algorithm, 'seed': seed, 'test_accuracy': accuracy,
    'target_ms': 1.0, 'priced_ms': 1.0, 'measured_ms': 1.1, 'steady_ms': 1.0,
    'images_seen': 100, 'search_s': 60,
  }  # fmt: skip


def test_an_algorithm_beats_random_by_more_than_the_interval_or_does_not(
  module, tmp_path
):
  rows = [row('random', seed, 0.5 + 0.01 * seed) for seed in range(3)]
  rows += [row('tunas', seed, 0.6 + 0.01 * seed) for seed in (2, 0, 1)]
  rows += [row('sandwich', seed, a) for seed, a in enumerate((0.7, 0.4, 0.52))]
  rows += [row('differentiable', 1, 0.9)]
  comparison = module('comparison')
  random, tunas, sandwich, alone = comparison.summary(rows)
  # t(0.975, 2) = 4.3027 times 0.01 / sqrt(3)
  assert random['interval'] == pytest.approx(0.02484, abs=1e-5)
  assert random['beats_random'] == 'baseline' and random['gain'] == ''
  assert (tunas['gain'], tunas['gain_interval']) == (0.1, 0.0)  # seed by seed
  assert tunas['beats_random'] == 'yes'
  assert sandwich['gain'] > 0 and sandwich['beats_random'] == 'no'
  assert alone['gain'] == 0.39 and alone['beats_random'] == 'unknown'
  assert comparison.told(alone).endswith('1.000 ms, 100 images in 60 s')
  comparison.picture(rows, tmp_path / 'picture.png')
  assert (tmp_path / 'picture.png').stat().st_size > 10_000


def test_the_average_network_has_the_mean_multiply_adds(module):
  step_speed = module('step_speed')
  sys.path.remove(str(FOLDER.parent / 'speed'))
  space = get_space('v3_small_images', 64, 10)
  network, mean = step_speed.average(space)
  assert count(network).macs == pytest.approx(mean, rel=0.02)
  bounds = [
    count(space.decode(v)).macs for v in (space.smallest(), space.largest())
  ]
  assert bounds[0] < mean < bounds[1]
  assert step_speed.average(space)[0] == network


@pytest.mark.slow
def test_searches_go_on_and_lend_what_random_search_trained(
  module, scenes_dir, tmp_path, capfd
):
  table, runs = tmp_path / 'toy.csv', tmp_path / 'runs'
  toy_table(space_keys(get_space('v3_tiny', 32, 10).spec)).save(table)
  arguments = [
    '--runlocal', '--algorithms', 'tunas', 'random', '--seeds', '0',
    '--networks', '2', f'--table={table}', f'--data-dir={scenes_dir}',
    f'--runs={runs}', f'--out={tmp_path}',
  ]  # fmt: skip
  run, plan = module('run'), module('plans')
  assert run.main(arguments) == 0
  said = capfd.readouterr().err
  assert 'training 2/2' in said and 'training found (1/2)' in said
  assert 'training random_0' not in said  # lent
  with (tmp_path / 'searches.csv').open() as file:
    found = {row['algorithm']: row for row in csv.DictReader(file)}
  results = json.loads((runs / 'random-seed0/results.json').read_text())
  tried = [row['held_out_accuracy'] for row in results['contenders']]
  best = float(found['random']['held_out_accuracy'])
  assert best == pytest.approx(max(tried)) and len(tried) == 2
  assert float(found['tunas']['target_ms']) == float(
    found['random']['target_ms']
  )
  flags = plan.flags_of('random', 0, (), local=True)
  seen = training_images(
    load_config(plan.random_flags(flags, 2)),
    get_space('v3_tiny', 32, 10),
    [from_string(row['arch']) for row in results['contenders']],
  )
  assert found['random']['images_seen'] == str(round(seen))
  shutil.rmtree(runs / 'tunas-seed0')
  assert run.main([*arguments, '--algorithms', 'random']) == 0
  assert 'training' not in capfd.readouterr().err  # it is there
  with (tmp_path / 'algorithms.csv').open() as file:
    assert [row['algorithm'] for row in csv.DictReader(file)] == ['random']


def test_a_search_that_fails_ends_with_the_status_of_user_errors(
  module, tmp_path, capfd
):
  arguments = [
    '--runlocal', '--algorithms', 'random', f'--table={tmp_path / "none.csv"}',
    f'--runs={tmp_path / "runs"}', f'--out={tmp_path}',
  ]  # fmt: skip
  assert module('run').main(arguments) == 2
  assert 'none.csv' in capfd.readouterr().err
