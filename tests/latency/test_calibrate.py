"""A phone's table from a host's and a few latencies: right, and labelled."""

import dataclasses

import numpy as np
import pytest

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.anchors import Anchor, AnchorSet
from mobilenet_jax.latency.calibrate import (
  best_residual,
  calibrate,
  left_out_errors,
)
from mobilenet_jax.latency.factors import Prior, Totals, fit, leave_out
from mobilenet_jax.latency.interpolate import features_of
from mobilenet_jax.latency.key import keys
from mobilenet_jax.latency.operations import WORK, operations
from mobilenet_jax.latency.table import PROVENANCE, LatencyTable
from mobilenet_jax.latency.timing import Timing
from mobilenet_jax.models.find import find_arch
from tests.latency import test_anchors
from tests.latency.toy import PROVENANCE as TOY

NAMES = ('mobilenet_v2', 'mobilenet_v3_small', 'mnasnet_a1', 'mobilenet_v1')
NETWORKS = [(n, w, s) for n in NAMES for w in (1.0, 0.5) for s in (96, 64)]
# milliseconds a multiply-add, a number moved and an operation
COST = np.outer([1.0, 1.2, 3.0, 1.5, 1.0, 1.0], [1e-7, 1e-7, 1e-3])
FACTOR = np.array([10.0, 12.0, 16.0, 11.0, 12.0, 12.0])
OVERHEAD = 0.3
SCALES = {'us': 1.0, 'them': 1.15}


def by_kind(key):
  return (features_of(key).reshape(len(WORK), 3) * COST).sum(1)


def host(networks=NETWORKS, unit='block'):
  wanted = {k for n in networks for k in keys(find_arch(*n))}
  if unit == 'operation':
    wanted = {part for key in wanted for part in operations(key)}
  rows = {k: Timing(float(by_kind(k).sum()), std_ms=0.1, n=9) for k in wanted}
  return LatencyTable(rows, TOY | {'unit': unit})


def phone_ms(network):
  """By known factors."""
  wanted = keys(find_arch(*network))
  return OVERHEAD + sum(float(by_kind(key) @ FACTOR) for key in wanted)


def phone(networks=NETWORKS, noise=0.0):
  rng = np.random.default_rng(0)
  sources = tuple(SCALES)
  anchors = []
  for i, (name, width, side) in enumerate(networks):
    source = sources[i % 2]
    ms = phone_ms((name, width, side)) * SCALES[source]
    ms *= np.exp(noise * rng.normal())
    anchors.append(Anchor(name, width, side, 'float32', ms, source))
  told = {source: {'citation': source} for source in sources}
  provenance = test_anchors.PROVENANCE | {'sources': told}
  return AnchorSet(tuple(anchors), provenance | {'main_source': 'us'})


@pytest.mark.parametrize('unit', ['block', 'operation'])
def test_a_phone_made_by_known_factors_is_found(unit):
  table = calibrate(host(unit=unit), phone(), find_arch)
  how = table.provenance['transfer']
  assert how['source_scales'] == pytest.approx(SCALES, rel=0.03)
  assert how['leave_one_network_out']['mean'] < 0.02
  for network in NETWORKS:
    got = table.predict(find_arch(*network))
    assert got.ms == pytest.approx(phone_ms(network), rel=0.05)
    assert got.lower < phone_ms(network) < got.upper
  others = calibrate(
    host(unit=unit), phone(NETWORKS[3:]), find_arch, missing='interpolate'
  )
  for network in NETWORKS[:3]:
    got = others.predict(find_arch(*network), 'interpolate').ms
    assert got == pytest.approx(phone_ms(network), rel=0.06)


def totals(rng, networks, noise=0.0):
  times = rng.uniform(0.2, 3.0, (networks, 3))
  sources = np.array([('us', 'them')[i % 2] for i in range(networks)])
  ms = (times @ np.array([2.0, 3.0, 2.5]) + 0.4) * np.exp(
    noise * rng.normal(size=networks)
  )
  ms *= np.where(sources == 'them', 1.2, 1.0)
  return Totals(times, np.ones(networks), ms, sources)


def test_factors_scales_and_overhead_are_recovered():
  given = totals(np.random.default_rng(0), 30)
  found = fit(given, Prior(network=1e-4)).at('us')
  assert found.kinds == pytest.approx([2.0, 3.0, 2.5], rel=1e-3)
  assert found.scales['them'] == pytest.approx(1.2, rel=1e-3)
  assert found.overhead_ms == pytest.approx(0.4, rel=1e-2)


def test_few_networks_leave_the_factors_close_to_each_other():
  few = fit(totals(np.random.default_rng(0), 3)).at('us').kinds
  many = fit(totals(np.random.default_rng(0), 300)).at('us').kinds
  assert np.ptp(few) / few.mean() < np.ptp(many) / many.mean()
  assert many == pytest.approx([2.0, 3.0, 2.5], rel=0.03)


def test_factors_are_never_negative():
  rng = np.random.default_rng(1)
  times = rng.uniform(0.2, 3.0, (50, 2))
  given = Totals(times, np.ones(50), times[:, 0].copy(), np.array(['us'] * 50))
  assert (fit(given).kinds >= 0).all()


def test_left_out_errors_are_those_of_fits_without_the_group():
  given = totals(np.random.default_rng(2), 12, noise=0.1)
  groups = [str(i // 3) for i in range(12)]
  errors = leave_out(given, groups)
  without = fit(given.take(np.arange(3, 12)))
  some = given.take(np.arange(3))
  assert errors[:3] == pytest.approx(without.predict(some) / some.ms - 1)
  assert np.isnan(leave_out(given, ['one'] * 12)).all()


def test_a_network_that_two_sources_time_is_left_out_whole():
  one, two = NETWORKS[0], NETWORKS[4]
  anchors = phone([one, one, two, two, *NETWORKS[8:11]])
  wild = dataclasses.replace(anchors.anchors[0], ms=anchors.anchors[0].ms * 9)
  spoiled = dataclasses.replace(anchors, anchors=(wild, *anchors.anchors[1:]))
  errors = [
    calibrate(host(), some, find_arch).provenance['transfer']['anchors'][1][
      'left_out_error'
    ]
    for some in (anchors, spoiled)
  ]
  assert errors[0] == errors[1]  # the wild twin was not in its fit


def test_errors_are_told_by_source_and_widen_the_interval():
  calm = calibrate(host(), phone(), find_arch).provenance
  noisy = calibrate(host(), phone(noise=0.1), find_arch).provenance
  assert noisy['network_error'] > 3 * calm['network_error']
  told = noisy['transfer']['leave_one_network_out']
  assert set(told['by_source']) == {'us', 'them'}
  assert sum(s['anchors'] for s in told['by_source'].values()) == 16
  assert 0.03 < told['mean'] <= told['rms'] <= told['max']


def test_the_table_says_that_nothing_of_it_was_measured(tmp_path):
  table = calibrate(host(), phone(), find_arch)
  assert set(PROVENANCE) <= set(table.provenance)
  for name in ('device', 'protocol', 'source'):
    assert 'transferred' in table.provenance[name]
  assert all(t.n == 0 and t.std_ms is None for t in table.rows.values())
  assert table.provenance['device'].startswith('a phone')
  how = table.provenance['transfer']
  assert how['from']['device'] == 'toy'
  assert set(how['factors']) == set(WORK)
  assert len(how['anchors']) == 16
  table.save(tmp_path / 'phone.csv')
  again = LatencyTable.load(tmp_path / 'phone.csv')
  assert (again.rows, again.provenance) == (table.rows, table.provenance)


def test_what_is_left_over_of_a_row_is_carried_if_that_helps():
  rng = np.random.default_rng(0)
  odd = {k: float(np.exp(0.3 * rng.normal())) for k in sorted(host().rows)}

  def bent(ms):
    return {
      k: dataclasses.replace(t, ms=ms(k, t.ms)) for k, t in host().rows.items()
    }

  table = LatencyTable(bent(lambda k, ms: ms * odd[k]), TOY)
  alike = [
    dataclasses.replace(
      a,
      ms=10
      * sum(
        table[k].ms for k in keys(find_arch(a.network, a.width, a.resolution))
      ),
    )
    for a in phone().anchors
  ]  # a phone with the same oddities
  same = dataclasses.replace(phone(), anchors=tuple(alike))
  assert (
    calibrate(table, same, find_arch).provenance['transfer']['residual'] == 1
  )
  other = calibrate(table, phone(), find_arch).provenance['transfer']
  assert other['residual'] == 0


def test_the_residual_is_chosen_without_the_networks_that_are_judged():
  rng, labels = np.random.default_rng(3), [str(i) for i in range(12)]
  plain = totals(rng, 12)
  plain.ms[0] *= 5  # an odd one, of which only the other candidate knows
  times = plain.times * np.exp(0.03 * rng.normal(size=(12, 1)))
  times[0] *= 5
  candidates = {0.0: plain, 1.0: dataclasses.replace(plain, times=times)}
  assert best_residual(candidates, labels) == 1.0
  errors = left_out_errors(candidates, labels, labels)
  assert errors[0] == pytest.approx(-0.8, abs=0.02)
  assert np.abs(errors[1:]).max() < 0.15
  assert np.isnan(left_out_errors(candidates, labels, ['one'] * 12)).all()


def test_blocks_that_the_table_lacks_are_named_or_estimated():
  table = host(NETWORKS[4:])
  with pytest.raises(UserError, match=r'lacks \d+ blocks .*: "ir 48x48x32->16'):
    calibrate(table, phone(), find_arch)
  made = calibrate(table, phone(), find_arch, missing='interpolate')
  counted = made.provenance['transfer']['interpolated_blocks']
  assert counted == len(made.rows) - len(table.rows) > 0


def test_what_cannot_be_calibrated_is_refused():
  with pytest.raises(UserError, match='2 distinct float32 networks; 3 are'):
    calibrate(host(), phone([NETWORKS[0], NETWORKS[1], NETWORKS[0]]), find_arch)
  made = calibrate(host(), phone(), find_arch)
  with pytest.raises(UserError, match='was not measured itself'):
    calibrate(made, phone(), find_arch)
  with pytest.raises(UserError, match='residual 2 is not from 0 to 1'):
    calibrate(host(), phone(), find_arch, residual=2)


def test_blocks_of_other_networks_are_priced_and_do_not_tilt_the_fit():
  more = [('mnasnet_b1', 1.0, 96), ('mobilenet_v3_large', 1.0, 96)]
  plain, wide = host(), host([*NETWORKS, *more])
  odd = {
    k: t.times(1.0 if k in plain.rows else 5.0) for k, t in wide.rows.items()
  }
  one = calibrate(plain, phone(noise=0.05), find_arch, residual=0.0)
  two = calibrate(
    LatencyTable(odd, TOY), phone(noise=0.05), find_arch, residual=0.0
  )
  told = [t.provenance['transfer']['factors'] for t in (one, two)]
  assert told[0] == told[1]
  assert set(two.rows) == set(odd) > set(one.rows)
  for network in more:
    price = two.price(find_arch(*network))
    assert price == pytest.approx(phone_ms(network), rel=0.3)
