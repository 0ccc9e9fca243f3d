"""A search by the sandwich rule, as a user runs it, and killed (SIGKILL)."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from safetensors.numpy import load_file

from mobilenet_jax.arch import from_json, to_string
from mobilenet_jax.core.config import load_config
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.jobs import checks, evaluating
from mobilenet_jax.jobs.subjects import from_weights
from mobilenet_jax.jobs.tflite_subject import from_tflite
from mobilenet_jax.space import get_space

CONFIG = '--config=configs/search_sandwich.py:runlocal'
EXACT = [
  'metrics.jsonl', 'evaluations.jsonl', 'evidence.json', 'inherited.json',
  'inherited.tflite', 'arch.json',
]  # fmt: skip  # the same bytes however often the run was stopped


@pytest.mark.parametrize(
  ('override', 'says'),
  [
    ('explorer=evolutin', "explorer 'evolutin'. Did you mean 'evolution'"),
    ('resolutions=(32, 4)', 'search.resolutions has 4; sides of images are'),
    ('parents=0.0', 'config.search.parents is 0.0; it must be 1e-06 to 1'),
    ('population=1', 'config.search.population is 1; it must be 2 to 100000'),
    ('soft_labels=0.5', 'config.search.soft_labels is 0.5; it must be 0 to 0'),
  ],
)
def test_wrong_values_are_refused(override, says):
  config = load_config([CONFIG, f'--config.search.{override}'])
  with pytest.raises(UserError) as error:
    checks.check_search(config)
  assert says in str(error.value)


def test_the_config_passes_whole_and_small():
  for variant in ('', ':runlocal'):
    config = load_config([f'--config=configs/search_sandwich.py{variant}'])
    checks.check_search(config)


@pytest.fixture(scope='module')
def begin(request, scenes, table):
  def start(folder, *more):
    return subprocess.Popen(
      [sys.executable, '-m', 'mobilenet_jax', 'search', CONFIG, scenes,
       f'--config.latency.table={table}', f'--workdir={folder}', *more],
      cwd=request.config.rootpath, stdout=subprocess.PIPE,
      stderr=subprocess.PIPE, text=True,
    )  # fmt: skip

  return start


@pytest.fixture(scope='module')
def finished(begin, tmp_path_factory):
  folder = tmp_path_factory.mktemp('runs') / 'whole'
  process = begin(folder)
  _, err = process.communicate()
  assert process.returncode == 0, err
  return folder


@pytest.mark.slow
def test_the_found_network_is_usable_without_training(finished, scenes_dir):
  known = json.loads((finished / 'inherited.json').read_text())
  assert known['calibration_batches'] == 4
  where = {'data': 'digit_scenes/32', 'data_dir': str(scenes_dir)}
  where['split'] = 'test[:10%]'
  for subject in (
    from_weights('found', str(finished / 'inherited.safetensors')),
    from_tflite(str(finished / 'inherited.tflite')),
  ):
    found = evaluating.evaluate(subject, **where).as_json()
    assert found['accuracy'] == known['test']['accuracy']
    assert found['loss'] == pytest.approx(known['test']['loss'], abs=1e-5)
  assert (finished / 'report.html').exists()


@pytest.mark.slow
def test_the_best_within_the_window_is_found(finished):
  space = get_space('v3_tiny', 32, 10)
  rows = [
    json.loads(row)
    for row in (finished / 'evaluations.jsonl').read_text().splitlines()
  ]
  results = json.loads((finished / 'results.json').read_text())
  target = results['target_ms']
  assert all(abs(r['latency_ms'] / target - 1) <= 0.2 for r in rows)
  best = max(rows, key=lambda r: (r['accuracy'], -r['latency_ms']))
  arch = from_json(json.loads((finished / 'arch.json').read_text()))
  assert to_string(arch) == to_string(space.decode(best['vector'], 'found'))
  front = json.loads((finished / 'evidence.json').read_text())['front']
  assert front[-1]['vector'] == best['vector']
  for slow, fast in zip(front[1:], front, strict=False):
    assert slow['ms'] > fast['ms']
    assert slow['quality'] > fast['quality']


@pytest.mark.slow
def test_a_search_that_is_killed_again_and_again_ends_the_same(
  finished, begin, tmp_path
):
  folder = tmp_path / 'killed'
  moments = [
    'checkpoints/3', 'evaluations.jsonl', 'evidence.json',
    'inherited.safetensors', 'arch.json',
  ]  # fmt: skip
  for moment in moments:
    process = begin(folder)
    while not (folder / moment).exists():
      assert process.poll() is None, process.communicate()[1]
      time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, f'ended before {moment}'
    if moment == 'evaluations.jsonl':  # and in the middle of a line
      with (folder / moment).open('a') as file:
        file.write('{"vector": [0, 1')
  for name in EXACT:
    assert (finished / name).read_bytes() == (folder / name).read_bytes(), name
  weights = 'inherited.safetensors'  # its metadata are in any order
  wanted, found = load_file(finished / weights), load_file(folder / weights)
  assert set(found) == set(wanted)
  for name, array in wanted.items():
    np.testing.assert_array_equal(found[name], array)


@pytest.mark.slow
def test_nsga2_and_other_resolutions_run_through(begin, tmp_path):
  folder = tmp_path / 'nsga2'
  process = begin(
    folder, '--config.search.explorer=nsga2',
    '--config.search.resolutions=(24, 32)',
  )  # fmt: skip
  _, err = process.communicate()
  assert process.returncode == 0, err
  assert json.loads((folder / 'evidence.json').read_text())
