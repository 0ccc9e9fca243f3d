"""Blocks that a table lacks: estimated monotonically, never in silence."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.interpolate import Interpolation, features_of
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


WILD = noisy(KEYS, spread=0.5)
CHANNELS = st.sampled_from([0, 0, 8, 16, 64, 240])
GROWTH = st.fixed_dictionaries(
  {
    'in_size': st.sampled_from([0, 0, 1, 8]),
    'kernel': st.sampled_from([0, 2, 4]),  # the table has 3, 5, 7
    'in_channels': CHANNELS,
    'expanded': CHANNELS,
    'squeezed': CHANNELS,
    'out_channels': CHANNELS,
  }
)
BLOCKS = [
  key
  for key in KEYS
  if key.kind == 'ir' and key.in_size > 2 and not key.shortcut
]


def grown(key, more):
  return dataclasses.replace(
    key, **{name: getattr(key, name) + n for name, n in more.items()}
  )


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(BLOCKS), GROWTH, GROWTH, st.booleans())
def test_a_larger_block_never_costs_less(known, some, more, bare):
  small = grown(known, some)
  if bare:  # without an expansion, which the large one may have
    small = dataclasses.replace(small, expanded=small.in_channels)
  large = grown(small, more)
  estimate = WILD.interpolation
  if _expands(small) <= _expands(large):
    assert estimate(small).ms <= estimate(large).ms * (1 + 1e-9)
  if _expands(small):
    assert WILD[known].ms <= estimate(small).ms


def _expands(key):
  return key.expanded != key.in_channels


def test_an_estimate_stays_between_smaller_and_larger_rows_of_any_form():
  small, large = block(16, 32, 8, 24, kernel=7), block(64, 256, 64, 96)
  estimate = Interpolation({small: Timing(1.0), large: Timing(2.0)})
  for key in (block(16, 32, 8, 24, kernel=9), block(24, 32, 8, 24, kernel=7)):
    assert 1.0 <= estimate(key).ms <= 2.0
  assert estimate(block(64, 256, 64, 96, stride=1)).ms >= 2.0


def left_out(rows):
  """Estimates of rows over their times, each by fits to all others."""
  ratios = []
  for key in rows:
    others = Interpolation({k: t for k, t in rows.items() if k != key})
    ratios.append(others(key).ms / rows[key].ms)
  return np.array(ratios)


def test_the_error_is_that_of_rows_left_out():
  known = [key for key in KEYS if key.kind == 'ir'][::40]
  rows = noisy(known, spread=0.3).rows
  expected = np.sqrt(np.mean((left_out(rows) - 1) ** 2))
  found = Interpolation(rows)
  assert found.error == pytest.approx(expected, rel=0.15)
  work = np.array([features_of(key) for key in rows])
  ms = np.array([t.ms for t in rows.values()])
  within = np.sqrt(np.mean((work @ found.cost / ms - 1) ** 2))
  assert found.error > 1.1 * within
  assert found(known[0]).std_ms == pytest.approx(
    found.error * found(known[0]).ms
  )


def test_rows_that_say_nothing_of_each_other_tell_no_error():
  dense = BlockKey('dense', 1, 64, 10, activation='linear')
  assert Interpolation({dense: Timing(0.1)}).error == 1.0
  with pytest.raises(UserError, match='no block of the table has a time'):
    Interpolation({dense: Timing(0.0)})


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
  assert found.upper / found.ms > full.upper / full.ms


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
