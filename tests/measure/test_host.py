"""The instrument on this computer, with real LiteRT."""

import numpy as np
import pytest

from mobilenet_jax.latency.key import BlockKey
from mobilenet_jax.latency.table import PROVENANCE, LatencyTable
from mobilenet_jax.measure import collect, host
from mobilenet_jax.measure.blocks import block_model
from mobilenet_jax.measure.reference import REFERENCE, Speed, time_beside

SMALL = BlockKey('ir', 8, 16, 16, 3, 1, 32, 0, 'relu', 1)
LARGE = BlockKey('ir', 16, 32, 32, 5, 1, 192, 48, 'hard_swish', 1)
DENSE = BlockKey('dense', 1, 64, 10, activation='linear')


@pytest.fixture
def cache(monkeypatch, tmp_path):
  monkeypatch.setenv('MOBILENET_JAX_CACHE', str(tmp_path))


def test_a_table_is_measured_once_and_a_larger_block_takes_longer(cache):
  said = []
  table = collect.host_table([SMALL, LARGE, DENSE, SMALL], say=said.append)
  assert set(table.rows) == {SMALL, LARGE, DENSE}
  assert table[LARGE].ms > 3 * table[SMALL].ms
  assert table[SMALL].min_ms <= table[SMALL].ms <= table[SMALL].p90_ms
  assert table[SMALL].n >= host.ROUNDS * host.LEAST_REPEATS
  assert all(table.provenance[name] not in (None, '') for name in PROVENANCE)
  assert '3 distinct blocks: 0 known' in said[0]

  again = collect.host_table([LARGE, SMALL], say=said.append)
  assert '2 known for this computer, 0 to measure' in said[1]
  assert again.rows == {k: table.rows[k] for k in (LARGE, SMALL)}


def test_a_stopped_measurement_goes_on_where_it_was(cache, monkeypatch):
  monkeypatch.setattr(collect, 'CHUNK', 1)
  time_blocks, calls = collect.time_blocks, []

  def stop_at_the_second(wanted, *more):
    calls.append(wanted)
    if len(calls) == 2:
      raise KeyboardInterrupt
    return time_blocks(wanted, *more)

  monkeypatch.setattr(collect, 'time_blocks', stop_at_the_second)
  with pytest.raises(KeyboardInterrupt):
    collect.host_table([SMALL, DENSE], say=lambda _: None)
  known = LatencyTable.load(collect.known_path())
  assert set(known.rows) == {SMALL}
  said = []
  collect.host_table([SMALL, DENSE], say=said.append)
  assert '1 known for this computer, 1 to measure' in said[0]
  assert calls[2] == [DENSE]
  after = LatencyTable.load(collect.known_path())
  for kept in ('reference_ms', 'date'):  # what both were measured at
    assert after.provenance[kept] == known.provenance[kept]


def test_a_slower_computer_does_not_change_the_prices(cache, monkeypatch):
  """All blocks are put right by the reference block timed beside them."""
  time_round, slow = host.time_round, 1.0
  monkeypatch.setattr(
    host, 'time_round', lambda *a: [slow * ms for ms in time_round(*a)]
  )
  usual = collect.host_table([LARGE], say=lambda _: None)
  slow = 3.0
  again = BlockKey('ir', 16, 32, 32, 5, 1, 184, 48, 'hard_swish', 1)
  later = collect.host_table([LARGE, again], say=lambda _: None)
  assert later[again].ms == pytest.approx(usual[LARGE].ms, rel=0.5)


def test_a_disturbed_round_does_not_change_the_price():
  rng = np.random.default_rng(0)
  quiet = list(rng.normal(1.0, 0.01, 500))
  noisy = [1.8 * ms for ms in quiet[:250]] + quiet[250:]
  assert host.timing(noisy).ms == pytest.approx(host.timing(quiet).ms, rel=0.02)


def test_a_block_model_is_one_tflite_graph():
  interpreter = host.open_model(block_model(LARGE))
  assert interpreter.in_shape == (1, 16, 16, 32)
  assert all(ms > 0 for ms in host.time_round(interpreter, 0.01))


def test_a_whole_model_is_timed_beside_the_reference_block(monkeypatch):
  speed = Speed(block_model(REFERENCE))
  speed.drift()  # sets its usual time
  time_round = host.time_round
  monkeypatch.setattr(
    host, 'time_round', lambda *a: [2.0 * ms for ms in time_round(*a)]
  )
  raw, steady = time_beside(block_model(LARGE), speed)
  assert raw.ms / steady.ms == pytest.approx(2.0, rel=0.5)
