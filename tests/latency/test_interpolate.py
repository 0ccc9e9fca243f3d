"""Blocks that a table lacks: estimated monotonically, never in silence."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.interpolate import Interpolation
from mobilenet_jax.latency.key import BlockKey, keys
from mobilenet_jax.latency.operations import operations, work
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.latency.tensors import price_tensors, space_keys
from mobilenet_jax.latency.timing import Timing
from mobilenet_jax.models import get_arch
from mobilenet_jax.space import get_space
from tests.latency.toy import PROVENANCE, toy_table


def noisy(wanted, seed=0, spread=0.1):
  """A table whose times are those of a formula, times noise."""
  rng = np.random.default_rng(seed)
  rows = {
    key: Timing(t.ms * float(rng.lognormal(0, spread)), std_ms=0.0, n=9)
    for key, t in toy_table(wanted).rows.items()
  }
  return LatencyTable(rows, PROVENANCE)


KEYS = space_keys(get_space('v3_small_images', 32, 10).spec)
TABLE = noisy(KEYS)


def block(cin, expanded, squeezed, cout, kernel=5, stride=2):
  return BlockKey(
    'ir', 8, cin, cout, kernel, stride, expanded, squeezed, 'relu'
  )


EIGHTS = st.integers(1, 60).map(lambda n: 8 * n)


@settings(deadline=None)
@given(EIGHTS, EIGHTS, EIGHTS, EIGHTS, st.tuples(*[st.integers(0, 9)] * 4))
def test_more_channels_never_cost_less(cin, wide, thin, cout, more):
  small = block(cin, cin + wide, thin, cout)
  grown = [
    c + 8 * m for c, m in zip((cin, wide, thin, cout), more, strict=True)
  ]
  large = block(grown[0], grown[0] + grown[1], grown[2], grown[3])
  estimate = TABLE.interpolation
  assert estimate(small).ms <= estimate(large).ms * (1 + 1e-9)


def test_an_estimate_lies_between_measured_blocks_around_it():
  known = [k for k in KEYS if (k.kind, k.kernel, k.stride) == ('ir', 5, 2)]
  low = min(known, key=lambda k: k.expanded)
  between = dataclasses.replace(low, out_channels=low.out_channels + 8)
  inside = TABLE[low].ms
  assert TABLE.cost(between, 'interpolate').ms >= inside


def test_a_known_formula_is_found_again():
  """Leaves every seventh block out, and asks for it."""
  left_out = [k for i, k in enumerate(KEYS) if k.kind == 'ir' and not i % 7]
  known = [key for key in KEYS if key not in left_out]
  made = noisy(known, spread=0.03)
  true = toy_table(left_out)
  off = [made.interpolation(k).ms / true[k].ms - 1 for k in left_out]
  assert np.abs(off).mean() < 0.15


def test_the_policy_is_explicit_and_the_result_says_what_was_estimated():
  spec = get_arch('mobilenet_v3_small', 0.5, 64, 10)
  wanted = keys(spec)
  rows = dict(noisy(wanted).rows)
  lost = wanted[4]
  del rows[lost]
  table = LatencyTable(rows, PROVENANCE)
  with pytest.raises(UserError, match='has no block "ir '):
    table.predict(spec)
  found = table.predict(spec, 'interpolate')
  assert found.missing == (lost,)
  full = noisy(wanted).predict(spec)
  assert found.ms == pytest.approx(full.ms, rel=0.2)
  # an estimate is less sure than a measurement
  assert found.upper - found.lower > full.upper - full.lower


def test_a_space_is_priced_with_estimates_only_when_asked():
  space = get_space('v3_tiny', 32, 10).spec
  wanted = space_keys(space)
  rows = dict(noisy(wanted).rows)
  del rows[wanted[7]]
  table = LatencyTable(rows, PROVENANCE)
  with pytest.raises(UserError, match='has no block'):
    price_tensors(space, table)
  assert all(
    t.ms.min() >= 0 for t in price_tensors(space, table, 'interpolate')
  )


def test_work_that_no_row_has_cannot_be_estimated():
  dense = BlockKey('dense', 1, 64, 10, activation='linear')
  estimate = Interpolation({dense: Timing(0.1)})
  with pytest.raises(UserError, match='no block of the table has a pointwise'):
    estimate(block(16, 64, 0, 24))


@settings(deadline=None)
@given(st.sampled_from(KEYS))
def test_the_operations_of_a_block_do_all_of_its_work(key):
  whole = list(work(key))
  parts = [row for part in operations(key) for row in work(part)]
  assert sum(r.macs for r in whole) == sum(r.macs for r in parts)
  assert len(whole) - len(parts) == key.shortcut


def test_a_table_by_operation_prices_what_it_is_composed_of():
  spec = get_arch('mobilenet_v3_small', 0.5, 64, 10)
  parts = {part for key in keys(spec) for part in operations(key)}
  rows = dict(toy_table(parts).rows)
  table = LatencyTable(rows, {**PROVENANCE, 'unit': 'operation'})
  expected = sum(table[p].ms for key in keys(spec) for p in operations(key))
  assert table.price(spec) == pytest.approx(expected)
  assert any(part.kind == 'se' for part in parts)
  lost = next(part for part in parts if part.kind == 'se')
  del rows[lost]
  less = LatencyTable(rows, {**PROVENANCE, 'unit': 'operation'})
  assert less.missing(keys(spec)) == [lost]
