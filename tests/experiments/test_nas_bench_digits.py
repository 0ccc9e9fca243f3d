"""The tabular benchmark: what was stopped goes on; regret over policies."""

import csv
import importlib
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mobilenet_jax.latency.tensors import space_keys
from mobilenet_jax.search.benchmark import Benchmark
from tests.latency.toy import toy_table
from tests.search.test_benchmark import path  # noqa: F401 (a fixture)

FOLDER = Path(__file__).parents[2] / 'experiments/nas_bench_digits'


@pytest.fixture
def module(monkeypatch):
  monkeypatch.syspath_prepend(str(FOLDER))
  yield importlib.import_module
  for name in ('space', 'trainings', 'run', 'regret'):
    sys.modules.pop(name, None)


@pytest.fixture
def command(module, scenes_dir, tmp_path):
  """Arguments that train four networks with two seeds by one worker."""
  keys = space_keys(module('space').local_space().spec)
  toy_table(keys).save(tmp_path / 'toy.csv')
  return [
    sys.executable, str(FOLDER / 'run.py'), '--runlocal', '--seeds', '0', '1',
    '--workers=1', f'--table={tmp_path / "toy.csv"}',
    f'--data-dir={scenes_dir}', f'--runs={tmp_path / "run"}',
    f'--out={tmp_path / "out"}',
  ]  # fmt: skip


def alive(folder):
  """Processes whose command line names a folder."""
  found = []
  for entry in Path('/proc').iterdir():
    if entry.name.isdecimal():
      try:
        line = (entry / 'cmdline').read_bytes()
      except OSError:
        continue
      if f'--runs={folder}'.encode() in line:
        found.append(int(entry.name))
  return found


def wait_for(condition, seconds=180):
  end = time.monotonic() + seconds
  while not condition():
    assert time.monotonic() < end
    time.sleep(0.02)


def test_what_was_killed_goes_on_and_ends_the_same(command, module, tmp_path):
  folder, out = tmp_path / 'run', tmp_path / 'out'
  trainings = folder / 'trainings.csv'
  process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
  wait_for(trainings.exists)
  process.kill()
  process.wait()
  wait_for(lambda: not alive(folder), 30)  # its worker ends with it
  before = trainings.read_text()
  with trainings.open('a') as file:
    file.write('1 1,1,0.1')  # a line that was not written whole
  again = subprocess.run(command, capture_output=True, text=True)
  assert again.returncode == 0, again.stderr
  assert trainings.read_text().startswith(before)
  assert trainings.read_text().count('\n') == 8
  bench = Benchmark.load(out / 'networks.csv')
  assert len(bench.vectors) == 4 and bench.held_out.shape == (4, 2)

  run, work = module('run'), module('trainings')
  config = run.config_of(run.arguments(command[2:]))
  trainer = work._trainer(config)
  for seed in (0, 1):
    for vector, found in zip(
      bench.vectors, trainer(bench.vectors, seed), strict=True
    ):
      row = bench.row(vector)
      assert round(found.accuracy['held_out'], 6) == bench.held_out[row, seed]
      assert round(found.accuracy['test'], 6) == bench.test[row, seed]

  other = subprocess.run(
    [*command, '--steps=9', '--seeds', '5'], capture_output=True, text=True
  )
  assert other.returncode == 2
  assert 'was used with another config' in other.stderr


def test_groups_are_of_one_seed_and_hold_every_training(module):
  work, space = module('trainings'), module('space').benchmark_space()
  assert space.size == 288
  wanted = work.planned(space, (0, 1, 2))
  assert len(set(wanted)) == len(wanted) == 864
  groups = work.groups(wanted[:20] + wanted[288:290])
  assert [len(group) for group in groups] == [8, 8, 4, 2]
  assert all(len({seed for _, seed in group}) == 1 for group in groups)


@pytest.mark.filterwarnings('ignore::optuna.exceptions.ExperimentalWarning')
def test_regret_of_policies(path, module, monkeypatch, capsys, tmp_path):  # noqa: F811
  """On four networks: who tries them in the order of their merit wins."""
  regret = module('regret')
  bench = Benchmark.load(path)
  score = regret.score_of(bench)
  assert score(0.6, 2.5) == pytest.approx(0.6)  # the median latency
  assert score(0.6, 5.0) == pytest.approx(0.3)

  def best_first(space, seed, number):
    import optuna

    best = bench.optimum(score)[0]
    return optuna.samplers.PartialFixedSampler(
      space.choice(best), optuna.samplers.RandomSampler(seed)
    )

  monkeypatch.setitem(regret.POLICIES, 'best', best_first)
  arguments = [
    '--policies', 'best', 'tpe', 'nsga2', '--seeds=12', '--evaluations=3',
    f'--benchmark={path}', f'--out={tmp_path / "r"}',
  ]  # fmt: skip
  assert regret.main(arguments) == 0
  text = capsys.readouterr().out
  assert 'random' in text and 'baseline' in text
  with (tmp_path / 'r/regret_summary.csv').open() as file:
    rows = {row['policy']: row for row in csv.DictReader(file)}
  assert list(rows) == ['random', 'best', 'tpe', 'nsga2']
  assert float(rows['best']['regret']) == 0
  assert rows['best']['beats_random'] == 'yes'
  with (tmp_path / 'r/regret.csv').open() as file:
    curves = list(csv.DictReader(file))
  assert len(curves) == 12
  assert all(
    float(r['lower']) <= float(r['mean']) <= float(r['upper']) for r in curves
  )
  assert (tmp_path / 'r/regret.png').stat().st_size > 1000


def test_what_is_measured_is_the_driver_of_a_search(path, module):  # noqa: F811
  """A known network costs no evaluation: three are three different ones."""
  regret, bench = module('regret'), Benchmark.load(path)
  score = regret.score_of(bench)
  for name in ('random', 'evolution', 'nsga2'):
    tried, seen = regret.searched(
      bench, regret.POLICIES[name], 1, 3, score, front=name == 'nsga2'
    )
    assert len(set(tried)) == 3
    wanted = [score(bench.evaluate(v, 1), bench.price(v)) for v in tried]
    assert seen == pytest.approx(wanted)


def test_verdicts_are_paired_by_seed(module):
  regret = module('regret')
  rng = np.random.default_rng(0)
  random = rng.uniform(0.02, 0.1, size=(20, 4))
  rows = regret.summaries(
    {
      'random': random,
      'better': random - 0.01,
      'worse': random + 0.01,
      'other': rng.permutation(random),
    }
  )
  assert [r['beats_random'] for r in rows] == [
    'baseline', 'yes', 'no, worse', 'no',
  ]  # fmt: skip
  assert rows[1]['gain'] == pytest.approx(0.01)
  assert rows[1]['gain_interval'] == pytest.approx(0, abs=1e-9)
