"""Tables that jobs measure, add to, or refuse."""

import importlib.util
import json

import pytest

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.jobs import measuring, pricing
from mobilenet_jax.latency.key import BlockKey, keys
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.measure.host import Host
from mobilenet_jax.models.find import find_arch
from tests.latency.toy import PROVENANCE, toy_table

TINY = 'tiny@16 conv_k3_s2_c8_re ir_k3_s2_e2_c8_re pool dense_c4_li'
WIDE = TINY.replace('tiny', 'wide').replace('dense_c4', 'dense_c5')
TWO = [BlockKey('dense', 1, 64, n, activation='linear') for n in (4, 5)]


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
  monkeypatch.setenv('MOBILENET_JAX_CACHE', str(tmp_path / 'cache'))


def measured(out, network):
  wanted = measuring.Wanted(networks=[network])
  return measuring.measure(str(out), Host(), wanted)


def test_blocks_are_added_without_losing_a_correction(tmp_path):
  out = tmp_path / 'host.csv'
  measured(out, TINY)
  table = LatencyTable.load(out)
  more = {'correction': {'small': 2.0}, 'network_error': 0.04}
  LatencyTable(table.rows, {**table.provenance, **more}).save(out)
  made = measured(out, WIDE)
  after = LatencyTable.load(out)
  assert {name: after.provenance[name] for name in more} == more
  assert len(after.rows) == len(table.rows) + 1
  alone = sum(after[key].ms for key in keys(find_arch(WIDE)))
  assert made['networks']['wide'] == pytest.approx(2 * alone, rel=1e-6)


def test_a_file_that_is_no_table_is_not_overwritten(tmp_path):
  spec = tmp_path / 'arch.json'
  spec.write_text(json.dumps({'mine': 1}))
  with pytest.raises(UserError, match=r'arch\.json'):
    measured(tmp_path / 'arch.csv', TINY)
  assert json.loads(spec.read_text()) == {'mine': 1}
  assert not (tmp_path / 'cache').exists()  # nothing was measured for it


def test_blocks_of_elsewhere_do_not_enter_the_cache(tmp_path):
  out = tmp_path / 'host.csv'
  measured(out, TINY)
  table = LatencyTable.load(out)
  doubled = {key: t.times(2.0) for key, t in table.rows.items()}
  LatencyTable(doubled, table.provenance).save(out)
  (cache,) = (tmp_path / 'cache/latency').glob('*.csv')
  before = LatencyTable.load(cache).rows
  measured(out, WIDE)
  after = LatencyTable.load(cache).rows
  assert set(after) > set(before)
  key = next(k for k in before if k.kind == 'conv')
  assert after[key].ms == pytest.approx(before[key].ms, rel=0.5)


def test_new_blocks_of_a_run_are_at_the_speed_of_its_table(
  tmp_path, monkeypatch
):
  """The cache may have found the computer to be faster since."""
  table, more = toy_table(TWO[:1]), toy_table(TWO[1:])
  slow = LatencyTable(table.rows, {**PROVENANCE, 'reference_ms': 1.0})
  fast = LatencyTable(more.rows, {**PROVENANCE, 'reference_ms': 0.5})
  monkeypatch.setattr(pricing, 'measured', lambda wanted: fast)
  monkeypatch.setattr(pricing, 'keys', lambda spec, dtype: TWO)
  monkeypatch.setattr(LatencyTable, 'price', lambda self, spec: 0.0)
  path = tmp_path / 'latency.csv'
  run = pricing.Pricing(slow, (), 1.0, (0.0, 2.0), True, path)
  run.of_new(type('Spec', (), {'name': 'new'}))
  assert run.table[TWO[1]].ms == pytest.approx(2 * more[TWO[1]].ms, abs=2e-6)
  assert LatencyTable.load(path).provenance['reference_ms'] == 1.0


@pytest.mark.parametrize(
  ('device', 'conditions', 'says'),
  [
    ('adb:', {}, "'adb:' is not one of"),
    ('jax', {'threads': 2}, 'does not take --threads'),
    ('jax', {'xnnpack': True}, 'does not take --delegate'),
    ('host', {'tool': 'x'}, 'does not take --benchmark-model'),
  ],
)
def test_a_wrong_device_is_named_by_its_option(device, conditions, says):
  with pytest.raises(UserError, match=says):
    measuring.open_instrument(device, 'float32', **conditions)


def test_a_missing_extra_is_one_sentence(monkeypatch):
  find = importlib.util.find_spec
  monkeypatch.setattr(
    importlib.util,
    'find_spec',
    lambda name: None if name == 'tensorflow' else find(name),
  )
  with pytest.raises(UserError, match=r'--device=host needs .*\[tflite\]'):
    measuring.open_instrument('host', 'float32')
