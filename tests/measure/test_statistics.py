"""What is made of repeats."""

import numpy as np
import pytest

from mobilenet_jax.core.progress import Progress
from mobilenet_jax.latency.key import BlockKey
from mobilenet_jax.measure.rounds import (
  Protocol,
  steadily,
  time_in_rounds,
  with_stopwatches,
)
from mobilenet_jax.measure.speed import FIRST_TIMINGS, Speed
from mobilenet_jax.measure.statistics import half_width, outliers, timing

KEY = BlockKey('dense', 1, 64, 10, activation='linear')


def normal(mean, count=250, seed=0, spread=0.01):
  rng = np.random.default_rng(seed)
  return list(rng.normal(mean, spread * mean, count))


def test_a_disturbed_round_does_not_change_the_price():
  quiet = [normal(1.0), normal(1.0, seed=1)]
  noisy = [[1.8 * ms for ms in quiet[0]], quiet[1]]
  assert timing(noisy).ms == pytest.approx(timing(quiet).ms, rel=0.02)


def test_outliers_are_counted_and_left_out_of_the_mean():
  ms = normal(1.0, 1000)
  ms[::100] = [5.0] * 10
  found = timing([ms])
  assert found.outliers == 10 and found.n == 1000
  assert found.mean_ms == pytest.approx(1.0, rel=0.005)
  assert found.std_ms == pytest.approx(0.01, rel=0.2)
  assert not outliers(np.array(normal(1.0))).any()


def test_the_interval_covers_the_price_as_often_as_it_says():
  rng = np.random.default_rng(0)
  true = 1.0 + rng.gamma(2.0, 0.05, 200_000)
  price = np.quantile(true, 0.25)
  hits = 0
  for _ in range(300):
    rounds = [rng.choice(true, 30), rng.choice(true, 30)]
    found = timing(rounds).ms
    hits += abs(found - price) <= half_width(rounds) * found
  assert hits >= 0.92 * 300  # 95 %, less what 300 draws may miss


def test_rounds_that_disagree_are_unsure_however_many_repeats():
  assert half_width([normal(1.0, 5000), normal(1.0, 5000, 1)]) < 0.01
  assert half_width([normal(1.0, 5000), normal(1.2, 5000, 1)]) > 0.05


def steady(_):
  return [1.0] * 20


def in_rounds(keys, watches, reference=steady, usual=None, **protocol):
  """Times with stopwatches; the rows, and the usual time at the end."""
  speed, protocol = Speed(reference, usual), Protocol(**protocol)
  take = with_stopwatches(watches, speed, protocol.round_s)
  rows = time_in_rounds(keys, take, speed, protocol, Progress('x', len(keys)))
  return rows, speed.usual_ms


def test_rounds_go_on_until_the_price_is_sure_or_the_cap_is_hit():
  calls = {'sure': 0, 'unsure': 0}
  rng = np.random.default_rng(0)

  def sure(_):
    calls['sure'] += 1
    return [2.0] * 20

  def unsure(_):
    calls['unsure'] += 1
    return [rng.uniform(1, 3)] * 20

  keys = [KEY, BlockKey('dense', 1, 65, 10, activation='linear')]
  rows, _ = in_rounds(keys, [sure, unsure])
  assert calls == {'sure': 2, 'unsure': Protocol().most_rounds}
  assert rows[keys[0]].ms == 2.0


def test_drift_is_taken_out_of_every_round():
  turn = {'is': 0}

  def slower_and_slower(ms):
    def watch(_):
      turn['is'] += 1
      return [ms * 1.01 ** turn['is']] * 20

    return watch

  watches = [slower_and_slower(3.0)]
  reference = slower_and_slower(1.0)
  rows, _ = in_rounds([KEY], watches, reference, rounds=6, most_rounds=6)
  assert rows[KEY].ms == pytest.approx(3.0 * 1.01, rel=0.001)


def test_a_round_while_the_speed_changes_is_timed_again():
  reference = iter([1.0, 1.5, 1.5])  # a jump, then steady
  taken = iter([[9.0], [3.0]])
  repeats, ends = steadily(
    [lambda _: next(taken)], lambda _: next(reference), 1
  )
  assert (repeats, ends) == ([[3.0]], (1.5, 1.5))


def test_the_steadiest_round_counts_where_none_is_steady():
  reference = iter([1.0, 2.0, 3.0, 3.3, 5.0])
  taken = iter([[1.0], [2.0], [3.0], [4.0]])
  repeats, ends = steadily(
    [lambda _: next(taken)], lambda _: next(reference), 1
  )
  assert (repeats, ends) == ([[3.0]], (3.0, 3.3))


class Spells:
  """A device that slows, and a block that slows more than its reference."""

  def __init__(self, *reference_ms):
    self._spells, self.now = iter(reference_ms), 1.0

  def reference(self, _):
    self.now = next(self._spells, self.now)
    return [self.now] * 20

  def block(self, _):
    return [2.0 * self.now**2] * 20


def test_rounds_of_a_slow_spell_do_not_count():
  device = Spells(1.4, 1.4, 1.0)
  rows, usual = in_rounds([KEY], [device.block], device.reference, usual=1.0)
  assert rows[KEY].ms == 2.0 and usual == 1.0


def test_a_block_is_not_sure_while_the_device_is_slow():
  device = Spells(*[1.4] * 8, 1.0)
  rows, _ = in_rounds([KEY], [device.block], device.reference, usual=1.0)
  assert rows[KEY].ms == 2.0


def test_a_table_that_is_begun_in_a_slow_spell_takes_the_usual_speed():
  device = Spells(*[1.5] * FIRST_TIMINGS, 1.5, 1.5, 1.0)
  rows, usual = in_rounds([KEY], [device.block], device.reference)
  assert usual == 1.0
  assert rows[KEY].ms == 2.0


def test_one_fast_timing_is_not_the_usual_speed():
  speed = Speed(steady, 1.0)
  speed.saw(0.7, 1.0)
  assert speed.usual_ms == 1.0
  speed.saw(0.7, 0.72)
  assert speed.usual_ms == 0.72
