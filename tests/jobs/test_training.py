"""`train`, as a user runs it: stopped by the system, and by its numbers."""

import json
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from mobilenet_jax.core.config import load_config
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.jobs import evaluating, trained, training
from mobilenet_jax.jobs.subjects import from_run

NETWORK = 'tiny@32 conv_k3_s2_c8_re ir_k3_e2_c8_re pool dense_c10_li'


def command(scenes, *more):
  return [
    '--config=configs/digits.py:runlocal',
    scenes,
    f'--config.model.name={NETWORK}',
    *more,
  ]


def start(root, scenes, folder, *more):
  return subprocess.Popen(
    [sys.executable, '-m', 'mobilenet_jax', 'train',
     *command(scenes, *more), f'--workdir={folder}'],
    cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
  )  # fmt: skip


def files(folder):
  return {
    name: (folder / name).read_bytes()
    for name in ('arch.json', 'metrics.jsonl', 'result.json')
  }


def test_sigterm_ends_with_143_and_the_same_command_resumes(
  scenes, request, tmp_path
):
  root = request.config.rootpath
  more = (
    '--config.train.steps=150', '--config.train.save_every=60',
    '--config.train.ema=0.9', '--config.train.drop_path=0.2',
    '--config.train.dropout=0.1', '--config.train.accumulate=2',
  )  # fmt: skip
  folder = tmp_path / 'stopped'
  process = start(root, scenes, folder, *more)
  metrics = folder / 'metrics.jsonl'
  while not metrics.exists() or metrics.read_text().count('\n') < 3:
    assert process.poll() is None, process.communicate()[1]
    time.sleep(0.01)
  process.send_signal(signal.SIGTERM)
  _, err = process.communicate(timeout=60)
  assert process.returncode == 143, err
  last = err.splitlines()[-1]
  assert last.startswith('mobilenet-jax: stopped by SIGTERM after step ')
  assert last.endswith('is saved; run it again to resume.')
  assert not (folder / 'result.json').exists()
  again = start(root, scenes, folder, *more)
  _, err = again.communicate()
  assert again.returncode == 0, err
  whole = tmp_path / 'whole'
  process = start(root, scenes, whole, *more)
  _, err = process.communicate()
  assert process.returncode == 0, err
  assert files(folder) == files(whole)
  ours, theirs = (
    trained.open_trained(str(f)).variables for f in (folder, whole)
  )
  for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
    np.testing.assert_array_equal(a, b)


def test_divergence_ends_with_1_and_names_the_layer(scenes, request, tmp_path):
  process = start(
    request.config.rootpath, scenes, tmp_path / 'run',
    '--config.train.optimizer.learning_rate=1e38',
    '--config.train.optimizer.clip_norm=0.0',
    '--config.train.steps=30',
  )  # fmt: skip
  _, err = process.communicate()
  assert process.returncode == 1, err
  assert 'training has diverged. ' in err
  assert 'The first layer that went bad is block_' in err
  assert 'Traceback' not in err


def configured(scenes, *more):
  return ConfigDict(load_config(command(scenes, *more)))


def test_the_best_of_a_held_out_split_is_the_result(scenes, tmp_path):
  config = configured(
    scenes, '--config.data.held_out_split=validation',
    '--config.train.steps=8', '--config.train.save_every=2',
  )  # fmt: skip
  result = training.run(config, str(tmp_path / 'run'))
  rows = [
    json.loads(line)
    for line in (tmp_path / 'run' / 'metrics.jsonl').read_text().splitlines()
  ]
  seen = {r['step']: r['validation'] for r in rows if 'validation' in r}
  scores = {step: (v['accuracy'], -v['loss']) for step, v in seen.items()}
  assert list(scores) == [2, 4, 6, 8]
  best = max(scores, key=scores.__getitem__)
  there = {int(p.name) for p in (tmp_path / 'run' / 'checkpoints').iterdir()}
  assert there == {best, 6, 8}
  again = evaluating.evaluate(from_run(str(tmp_path / 'run'))).as_json()
  assert again['accuracy'] == result['test']['accuracy']
  held_out = evaluating.evaluate(
    from_run(str(tmp_path / 'run')), split='validation'
  ).as_json()
  assert held_out['accuracy'] == scores[best][0]


@pytest.mark.parametrize(
  ('change', 'says'),
  [
    ('train.accumulate=3', r'accumulate is 3; it is a divisor of the batch'),
    ('train.accumulate=0', r'accumulate is 0'),
    ('train.ema=1.0', r'train.ema is 1.0; it is 0 to less than 1'),
    ('train.dtype=float16', r"Unknown train.dtype 'float16'. Did you mean"),
    ('train.optimizer.schedule=step', r"Unknown schedule 'step'"),
    ('train.drop_path=1.5', r'drop_path is 1.5'),
  ],
)
def test_wrong_settings_stop_before_any_work(scenes, tmp_path, change, says):
  with pytest.raises(UserError, match=says):
    training.run(
      configured(scenes, f'--config.{change}'), str(tmp_path / 'run')
    )
  assert not (tmp_path / 'run').exists()
