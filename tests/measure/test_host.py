"""The instruments on this computer: real LiteRT, and JAX."""

import dataclasses

import numpy as np
import pytest

from mobilenet_jax.core.errors import JobError, UserError
from mobilenet_jax.core.files import locked
from mobilenet_jax.latency.key import BlockKey
from mobilenet_jax.latency.table import PROVENANCE, LatencyTable
from mobilenet_jax.measure import collect, host, jax_device, speed
from mobilenet_jax.measure.blocks import block_model
from mobilenet_jax.measure.host import Host
from mobilenet_jax.measure.instrument import Untimeable, other_condition
from mobilenet_jax.measure.jax_device import JaxDevice
from mobilenet_jax.measure.speed import REFERENCE
from mobilenet_jax.measure.statistics import timing

SMALL = BlockKey('ir', 8, 16, 16, 3, 1, 32, 0, 'relu', 1)
LARGE = BlockKey('ir', 16, 32, 32, 5, 1, 192, 48, 'hard_swish', 1)
DENSE = BlockKey('dense', 1, 64, 10, activation='linear')


def quiet(_):
  pass


@pytest.fixture
def cache(monkeypatch, tmp_path):
  monkeypatch.setenv('MOBILENET_JAX_CACHE', str(tmp_path))


def test_a_table_is_measured_once_and_a_larger_block_takes_longer(cache):
  said = []
  table = collect.measure(Host(), [SMALL, LARGE, DENSE, SMALL], said.append)
  assert set(table.rows) == {SMALL, LARGE, DENSE}
  assert table[LARGE].ms > 3 * table[SMALL].ms
  timing = table[SMALL]
  assert timing.p10_ms <= timing.ms <= timing.p50_ms <= timing.p90_ms
  assert timing.mean_ms > 0 and timing.std_ms > 0
  assert timing.n >= Host().protocol.rounds * host.LEAST_REPEATS
  assert all(table.provenance[name] not in (None, '') for name in PROVENANCE)
  assert '3 distinct blocks: 0 known' in said[0]
  assert 'outliers: ' in said[1]

  again = collect.measure(Host(), [LARGE, SMALL], said.append)
  assert '2 known for this device, 0 to measure.' in said[2]
  assert again.rows == {k: table.rows[k] for k in (LARGE, SMALL)}


def test_a_stopped_measurement_goes_on_where_it_was(cache, monkeypatch):
  monkeypatch.setattr(collect, 'MOST_CHUNK', 1)
  time, calls = Host.time, []

  def stop_at_the_second(self, wanted, *more):
    calls.append(list(wanted))
    if len(calls) == 2:
      raise KeyboardInterrupt
    return time(self, wanted, *more)

  monkeypatch.setattr(Host, 'time', stop_at_the_second)
  with pytest.raises(KeyboardInterrupt):
    collect.measure(Host(), [SMALL, DENSE], quiet)
  known = LatencyTable.load(collect.known_path(Host()))
  assert set(known.rows) == {SMALL}
  said = []
  collect.measure(Host(), [SMALL, DENSE], said.append)
  assert '1 known for this device, 1 to measure' in said[0]
  assert calls[2] == [DENSE]
  after = LatencyTable.load(collect.known_path(Host()))
  for kept in ('reference_ms', 'date'):  # what both were measured at
    assert after.provenance[kept] == known.provenance[kept]


def test_a_plan_touches_nothing_and_knows_what_is_there(cache, tmp_path):
  plan = collect.plan(Host(), [SMALL, DENSE, SMALL])
  assert plan.todo == (SMALL, DENSE)
  assert plan.seconds == 2 * Host.seconds_a_block
  assert not list(tmp_path.iterdir())
  collect.measure(Host(), [SMALL], quiet)
  again = collect.plan(Host(), [SMALL, DENSE])
  assert again.todo == (DENSE,)
  assert again.seconds == again.known.provenance['seconds_a_block']
  other = collect.plan(Host(xnnpack=False), [SMALL])
  assert other.todo == (SMALL,)  # other conditions, another table


def slowed(monkeypatch, factor):
  """Makes the computer as much slower as `factor['is']` says."""
  time_round = host.time_round
  monkeypatch.setattr(
    host,
    'time_round',
    lambda *a: [factor['is'] * ms for ms in time_round(*a)],
  )


def test_a_slower_computer_does_not_change_the_prices(cache, monkeypatch):
  """All blocks are put right by the reference block timed beside them."""
  factor = {'is': 1.0}
  slowed(monkeypatch, factor)
  monkeypatch.setattr(speed, 'MOST_DRIFT', 10.0)
  usual = collect.measure(Host(), [LARGE], quiet)
  factor['is'] = 3.0
  again = BlockKey('ir', 16, 32, 32, 5, 1, 184, 48, 'hard_swish', 1)
  later = collect.measure(Host(), [LARGE, again], quiet)
  assert later[again].ms == pytest.approx(usual[LARGE].ms, rel=0.5)


def test_a_table_is_put_at_the_speed_that_is_found_to_be_usual(
  cache, monkeypatch
):
  factor = {'is': 3.0}
  slowed(monkeypatch, factor)
  slow = collect.measure(Host(), [LARGE], quiet)
  factor['is'] = 1.0
  both = collect.measure(Host(), [LARGE, SMALL], quiet)
  ratio = both.provenance['reference_ms'] / slow.provenance['reference_ms']
  assert ratio == pytest.approx(1 / 3, rel=0.5)
  assert both[LARGE].ms == pytest.approx(ratio * slow[LARGE].ms, rel=1e-3)
  assert both[LARGE].n == slow[LARGE].n  # not measured again


def test_a_computer_that_stays_too_slow_is_refused(cache, monkeypatch):
  factor = {'is': 1.0}
  slowed(monkeypatch, factor)
  monkeypatch.setattr(speed, 'PAUSES_S', (0.0, 0.0))
  collect.measure(Host(), [SMALL], quiet)
  factor['is'] = 5.0
  with pytest.raises(JobError, match='speed at which the other blocks'):
    collect.measure(Host(), [DENSE], quiet)
  known = LatencyTable.load(collect.known_path(Host()))
  assert set(known.rows) == {SMALL}


@pytest.mark.parametrize('dtype', ['float16', 'int8'])
def test_other_dtypes_are_tables_of_their_own(cache, dtype):
  key = dataclasses.replace(SMALL, dtype=dtype)
  table = collect.measure(Host(dtype), [key], quiet)
  assert table.dtype == dtype and table[key].ms > 0
  interpreter = Host(dtype).open(block_model(key))
  assert interpreter.in_dtype == (np.int8 if dtype == 'int8' else np.float32)


def test_conditions_of_the_host_are_checked():
  for wrong in ({'threads': 99}, {'cores': (999,)}, {'dtype': 'bfloat16'}):
    with pytest.raises(UserError):
      Host(**wrong)
  assert Host(xnnpack=False).provenance()['delegate'] == 'none'


def test_a_jax_device_times_what_a_block_computes(cache):
  table = collect.measure(JaxDevice(), [SMALL, LARGE], quiet)
  # 39 times the multiply-adds; a call that does not wait would show none
  assert table[LARGE].ms > 4 * table[SMALL].ms
  assert table.provenance['runtime'] == 'JAX'
  with pytest.raises(UserError, match='cannot time int8'):
    JaxDevice('int8')


def test_a_block_model_is_one_tflite_graph():
  interpreter = Host().open(block_model(LARGE))
  assert interpreter.in_shape == (1, 16, 16, 32)
  assert all(ms > 0 for ms in host.time_round(interpreter, 0.01))


def test_a_whole_model_is_timed_beside_the_reference_block(monkeypatch):
  here, factor = Host(), {'is': 1.0}
  slowed(monkeypatch, factor)
  beside = here.speed(block_model(REFERENCE), None)
  beside.now(0.02)  # sets its usual time
  factor['is'] = 2.0
  raw, steady = here.time_beside(block_model(LARGE), beside)
  assert raw.ms / steady.ms == pytest.approx(2.0, rel=0.5)


def test_a_table_is_this_computers_whatever_more_it_says():
  here = Host().provenance()
  more = {'unit': 'block', 'reference_ms': 1.0, 'correction': {'large': 1.1}}
  assert other_condition({**here, **more, 'date': '2020-01-01'}, here) is None
  assert other_condition({**here, 'threads': 7}, here) == 'threads'
  lacking = {k: v for k, v in here.items() if k != 'chip'}
  assert other_condition(lacking, here) == 'chip'


def test_a_block_that_cannot_run_does_not_stop_the_others(cache, monkeypatch):
  time = Host.time

  def without_dense(self, wanted, *more):
    if DENSE in wanted:
      raise Untimeable(DENSE, 'no such operation')
    return time(self, wanted, *more)

  monkeypatch.setattr(Host, 'time', without_dense)
  with pytest.raises(
    JobError, match='No timing of 1 of 3 blocks, first of "dense'
  ):
    collect.measure(Host(), [SMALL, DENSE, LARGE], quiet)
  known = LatencyTable.load(collect.known_path(Host()))
  assert set(known.rows) == {SMALL, LARGE}


def test_one_job_at_a_time_measures_a_device(cache):
  path = collect.known_path(Host())
  path.parent.mkdir(parents=True)
  refused = pytest.raises(UserError, match='being measured by another process')
  with locked(path.with_suffix('.lock'), 'it is held'), refused:
    collect.measure(Host(), [SMALL], quiet)


def test_a_few_blocks_do_not_tell_how_long_many_take(cache):
  collect.measure(Host(), [SMALL], quiet)
  known = LatencyTable.load(collect.known_path(Host()))
  pace = known.provenance['seconds_a_block']
  collect.measure(Host(), [SMALL, DENSE], quiet)
  after = LatencyTable.load(collect.known_path(Host()))
  assert after.provenance['seconds_a_block'] == pace


def test_a_block_as_fast_as_none_is_a_row_that_loads():
  found = jax_device.time_round(lambda turns: None, lambda turns: None, 1e-4)
  assert min(found) >= jax_device.LEAST_MS
  assert timing([found]).ms > 0
