"""A benchmark of four networks, by hand."""

import json
import subprocess
import sys

import numpy as np
import pytest

from mobilenet_jax.arch import ArchSpec, Conv, Dense, Pool, one_of
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.search import benchmark
from mobilenet_jax.search.benchmark import Benchmark
from mobilenet_jax.space import SearchSpace

SPACE = SearchSpace(
  ArchSpec(
    name='four',
    resolution=8,
    blocks=(
      Conv(kernel=one_of('kernel', 1, 3), channels=one_of('width', 4, 8)),
      Pool(),
      Dense(channels=2),
    ),
  )
)
#        held out, of two seeds   test, of two seeds   ms
NUMBERS = {
  (0, 0): ((0.50, 0.52), (0.50, 0.50), 1.0),
  (0, 1): ((0.60, 0.64), (0.60, 0.62), 2.0),
  (1, 0): ((0.66, 0.58), (0.70, 0.72), 3.0),
  (1, 1): ((0.70, 0.72), (0.68, 0.70), 6.0),
}


@pytest.fixture
def path(tmp_path):
  rows = [
    {
      'vector': vector,
      'arch': 'four',
      'params': 10,
      'macs': 100,
      'latency_ms': ms,
      'held_out': held_out,
      'test': test,
    }
    for vector, (held_out, test, ms) in NUMBERS.items()
  ]
  benchmark.save(tmp_path / 'four.csv', SPACE, rows, {'recipe': 'by hand'})
  return tmp_path / 'four.csv'


def test_it_tells_what_was_written(path):
  bench = Benchmark.load(path)
  assert bench.space == SPACE and bench.about['recipe'] == 'by hand'
  assert bench.evaluate((1, 0)) == pytest.approx(0.62)
  assert bench.test_accuracy((1, 0)) == pytest.approx(0.71)
  assert bench.price(np.asarray([1, 1])) == 6.0
  draws = [bench.evaluate((1, 0), seed) for seed in range(40)]
  assert set(draws) == {0.66, 0.58}
  assert draws == [bench.evaluate((1, 0), seed) for seed in range(40)]
  # a seed does not give every network the same one of its trainings
  picked = {
    (bench.evaluate((0, 0), seed), bench.evaluate((1, 1), seed))
    for seed in range(40)
  }
  assert len(picked) == 4
  with pytest.raises(UserError, match=r'\(2, 0\) is no choice vector of four'):
    bench.price((2, 0))


def test_the_optimum_is_of_test_accuracy_a_score_and_a_window(path):
  bench = Benchmark.load(path)
  assert bench.optimum() == ((1, 0), pytest.approx(0.71))
  assert bench.optimum(window=(0, 2.5)) == ((0, 1), pytest.approx(0.61))
  assert bench.optimum(window=(6, 6)) == ((1, 1), pytest.approx(0.69))
  score = lambda accuracy, ms: accuracy - 0.2 * abs(ms / 1.0 - 1)
  assert bench.optimum(score) == ((0, 0), pytest.approx(0.5))
  with pytest.raises(UserError, match=r'No network takes 4 to 5 ms; .* 1 to 6'):
    bench.optimum(window=(4, 5))


def test_regret_is_of_what_looked_best_so_far(path):
  bench = Benchmark.load(path)
  tried = [(0, 1), (0, 0), (1, 1), (1, 0), (1, 0)]
  seen = [0.60, 0.60, 0.70, 0.66, 0.70]  # of equals the first stays
  regret = bench.regret(tried, seen)
  np.testing.assert_allclose(regret, [0.10, 0.10, 0.02, 0.02, 0.02], atol=1e-9)
  score = lambda accuracy, ms: accuracy - 0.2 * abs(ms - 1)
  np.testing.assert_allclose(
    bench.regret([(1, 0), (0, 0)], [0.0, 0.5], score), [0.19, 0], atol=1e-9
  )


@pytest.mark.parametrize(
  ('old', 'new', 'said'),
  [
    ('0,1,four', '0,2,four', r"row 3, column 'width' is '2'; .* 0 to 1"),
    ('0,1,four', '0,-1,four', r"row 3, column 'width' is '-1'"),
    ('0,1,four', '0,0,four', r'row 3: \(0, 0\) stands twice'),
    ('0.58', '1.58', r"row 4, column 'held_out_accuracy_1' is '1.58'"),
    ('0.58', 'nan', r"row 4, column 'held_out_accuracy_1' is 'nan'"),
    ('0.58', 'good', r"column 'held_out_accuracy_1' is 'good'; .* 0 to 1"),
    ('100,6.0', '100,0', r"row 5, column 'latency_ms' is '0'; it is more"),
    (',0.7\n', '\n', r'row 5 has 9 of 10 columns'),
    ('kernel,width', 'width,kernel', r"column 1 is 'width', not 'kernel'"),
    ('test_accuracy_1', 'more', r"column 10 is 'more', not 'test_accuracy_1'"),
    ('1,1,four,10,100,6.0,0.7,0.72,0.68,0.7\n', '', r'3 of the 4 .* \(1, 1\)'),
  ],
)
def test_what_is_wrong_in_a_table_is_named(path, old, new, said):
  text = path.read_text()
  assert old in text
  path.write_text(text.replace(old, new))
  with pytest.raises(UserError, match=said):
    Benchmark.load(path)


def test_what_is_wrong_in_its_json_is_named(path):
  sidecar = path.with_suffix('.json')
  about = json.loads(sidecar.read_text())
  sidecar.write_text(json.dumps({**about, 'format': 'other'}))
  with pytest.raises(UserError, match=r'four\.json is no benchmark'):
    Benchmark.load(path)
  sidecar.write_text(json.dumps({**about, 'space': {'format': 1}}))
  with pytest.raises(UserError, match=r'"space" of .*four\.json is wrong'):
    Benchmark.load(path)
  sidecar.unlink()
  with pytest.raises(UserError, match=r'Cannot read .*four\.json'):
    Benchmark.load(path)


def test_it_needs_no_jax():
  code = (
    'import sys, mobilenet_jax.search.benchmark\n'
    'assert not {"jax", "optuna", "tensorflow"} & set(sys.modules)'
  )
  subprocess.run([sys.executable, '-c', code], check=True)
