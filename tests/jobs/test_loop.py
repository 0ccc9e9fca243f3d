"""The whole loop, as a user runs it: `search` with the runlocal quickstart.

One run measures this computer for real. Another, with its table, is killed
(SIGKILL) again and again and must end with the same files, bit for bit.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from mobilenet_jax.arch import from_json
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.export.tflite import Interpreter
from mobilenet_jax.jobs import evaluating, trained
from mobilenet_jax.jobs.subjects import from_run
from mobilenet_jax.latency.table import LatencyTable

pytestmark = pytest.mark.slow
CONFIG = '--config=configs/quickstart.py:runlocal'
EXACT = [
  'arch.json',
  'contenders.json',
  'metrics.jsonl',
  'predictions.json',
  'latency.csv',
]  # the same bytes however often the run was stopped


def start(root, scenes, folder, *more):
  return subprocess.Popen(
    [sys.executable, '-m', 'mobilenet_jax', 'search', CONFIG, scenes,
     f'--workdir={folder}', *more],
    cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
  )  # fmt: skip


@pytest.fixture(scope='module')
def environment(tmp_path_factory):
  with pytest.MonkeyPatch.context() as patch:
    cache = tmp_path_factory.mktemp('cache')
    patch.setenv('MOBILENET_JAX_CACHE', str(cache))
    yield


@pytest.fixture(scope='module')
def finished(environment, scenes, request, tmp_path_factory):
  """A run that was not stopped: (folder, what it printed)."""
  folder = tmp_path_factory.mktemp('runs') / 'whole'
  process = start(request.config.rootpath, scenes, folder)
  out, err = process.communicate()
  assert process.returncode == 0, err
  return folder, out, err


def test_the_run_folder_holds_what_the_map_says(finished):
  folder, out, err = finished
  names = {p.name for p in folder.iterdir()}
  assert names >= {
    'config.json', 'env.json', 'latency.csv', 'latency.json', 'metrics.jsonl',
    'tensorboard', 'checkpoints', 'arch.json', 'contenders', 'model.tflite',
    'results.json', 'report.html', 'timings.json',
  }  # fmt: skip
  assert 'distinct blocks: 0 known' in err
  assert 'found' in out
  assert 'measured' in out
  assert str(folder / 'report.html') in out
  env = json.loads((folder / 'env.json').read_text())
  assert env['seed'] == 0
  assert env['versions']['jax']


def test_every_contender_keeps_to_the_latency_window(finished):
  folder, _, _ = finished
  results = json.loads((folder / 'results.json').read_text())
  table = LatencyTable.load(folder / 'latency.csv')
  roles = [row['role'] for row in results['contenders']]
  assert roles == ['found', 'scaled', 'random']
  found = results['contenders'][0]['priced_ms']
  assert found == pytest.approx(results['target_ms'], rel=0.2)
  for row in results['contenders']:
    spec = from_json(
      json.loads(
        (folder / 'contenders' / row['name'] / 'arch.json').read_text()
      )
    )
    assert table.price(spec) == pytest.approx(row['priced_ms'])
    if row['role'] == 'random':
      assert row['priced_ms'] == pytest.approx(results['target_ms'], rel=0.2)


def test_the_export_runs_and_agrees_with_jax(finished):
  folder, _, _ = finished
  made = json.loads((folder / 'deployed.json').read_text())
  assert made['max_difference'] < 1e-4
  assert made['same_answers'] == 1.0
  assert made['measured_ms'] > 0
  interpreter = Interpreter((folder / 'model.tflite').read_bytes())
  assert interpreter.in_shape == (1, 32, 32, 3)
  assert interpreter(np.zeros((1, 32, 32, 3), np.float32)).shape == (1, 10)


def test_depthwise_convolutions_are_exported_as_such(finished):
  """The shifted form for CPU must not leak into the model."""
  import ai_edge_litert.interpreter as litert

  folder, _, _ = finished
  model = litert.Interpreter(
    str(folder / 'model.tflite'),
    experimental_op_resolver_type=(
      litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    ),
  )
  ops = [op['op_name'] for op in model._get_ops_details()]
  spec = from_json(json.loads((folder / 'arch.json').read_text()))
  blocks = [b for b in spec.blocks if b.kind == 'ir']
  gates = [b for b in blocks if b.squeeze_excite]
  assert ops.count('DEPTHWISE_CONV_2D') == len(blocks)
  # a squeeze-and-excite multiplies by its gates, its mean by 1 / pixels and
  # its hard sigmoid by 1 / 6
  assert ops.count('MUL') <= 3 * len(gates)


def test_evaluate_and_export_give_what_the_run_reported(finished, tmp_path):
  folder, _, _ = finished
  results = json.loads((folder / 'results.json').read_text())
  again = evaluating.evaluate(from_run(str(folder))).as_json()
  expected = results['contenders'][0]['test']
  assert again['accuracy'] == expected['accuracy']
  assert again['loss'] == pytest.approx(expected['loss'], abs=1e-9)
  made = trained.export(str(folder), str(tmp_path / 'again.tflite'))
  assert made['max_difference'] < 1e-4
  with pytest.raises(UserError, match=r'not a \.tflite'):
    trained.export(str(folder), str(tmp_path / 'again.onnx'))


def weights(folder: Path):
  found = trained.open_trained(str(folder))
  return jax.tree.leaves(found.variables)


def test_a_run_that_is_killed_again_and_again_ends_the_same(
  finished, scenes, request, tmp_path
):
  whole, _, _ = finished
  folder = tmp_path / 'killed'
  table = f'--config.latency.table={whole / "latency.csv"}'
  moments = [
    'config.json',
    'latency.csv',
    'checkpoints/3',  # in the middle of the search
    'arch.json',
    'contenders/found/checkpoints/2',  # in the middle of a training
    'contenders/found/result.json',
    'model.tflite',
  ]
  for moment in moments:
    process = start(request.config.rootpath, scenes, folder, table)
    while not (folder / moment).exists():
      assert process.poll() is None, process.communicate()[1]
      time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, f'ended before {moment}'
  process = start(request.config.rootpath, scenes, folder, table)
  _, err = process.communicate()
  assert process.returncode == 0, err
  assert (folder / 'report.html').exists()
  for name in EXACT:
    assert (whole / name).read_bytes() == (folder / name).read_bytes(), name
  for a in sorted((whole / 'contenders').iterdir()):
    b = folder / 'contenders' / a.name
    for name in ('arch.json', 'metrics.jsonl', 'result.json'):
      assert (a / name).read_bytes() == (b / name).read_bytes(), f'{a}/{name}'
  for x, y in zip(weights(whole), weights(folder), strict=True):
    np.testing.assert_array_equal(x, y)
  assert (whole / 'model.tflite').read_bytes() == (
    folder / 'model.tflite'
  ).read_bytes()


def test_a_finished_run_is_not_run_again(finished, scenes, request):
  folder, _, _ = finished
  before = (folder / 'contenders' / 'found' / 'result.json').stat().st_mtime_ns
  began = time.monotonic()
  process = start(request.config.rootpath, scenes, folder)
  _, err = process.communicate()
  assert process.returncode == 0, err
  assert time.monotonic() - began < 60
  after = (folder / 'contenders' / 'found' / 'result.json').stat().st_mtime_ns
  assert before == after
