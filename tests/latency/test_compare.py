"""Two tables side by side."""

import dataclasses

import pytest

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.compare import compare
from mobilenet_jax.latency.key import keys
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.latency.timing import Timing
from mobilenet_jax.models import get_arch
from tests.latency.toy import PROVENANCE, toy_table

WANTED = tuple(dict.fromkeys(keys(get_arch('mobilenet_v3_small', 0.5, 64, 10))))


def scaled(table, factor, dtype='float32', **special):
  rows = {
    dataclasses.replace(key, dtype=dtype): Timing(
      t.ms * special.get(key.kind, factor)
    )
    for key, t in table.rows.items()
  }
  return LatencyTable(rows, {**PROVENANCE, 'dtype': dtype})


def test_one_block_that_disagrees_comes_first():
  a = toy_table(WANTED)
  b = scaled(a, 2.0)
  odd = WANTED[3]
  b = LatencyTable({**b.rows, odd: Timing(a[odd].ms * 5)}, PROVENANCE)
  found = compare(a, b)
  assert found.ratio == pytest.approx(2.0)
  assert found.pairs[0].key == odd
  assert found.apart(found.pairs[0]) == pytest.approx(2.5)
  assert found.within(0.1) == pytest.approx(1 - 1 / len(WANTED))
  assert (found.only_a, found.only_b) == (0, 0)


def test_tables_of_two_dtypes_compare_block_by_block():
  a = toy_table(WANTED)
  found = compare(a, scaled(a, 0.5, 'int8', dense=1.0))
  assert len(found.pairs) == len(WANTED)
  assert found.by_kind()['dense'][2] == pytest.approx(1.0)
  assert found.by_kind()['ir'][1:] == pytest.approx((0.5, 0.5, 0.5))


def test_what_only_one_has_is_counted_and_nothing_in_common_is_refused():
  a, b = toy_table(WANTED[:5]), toy_table(WANTED[3:])
  found = compare(a, b)
  assert (len(found.pairs), found.only_a) == (2, 3)
  assert found.only_b == len(WANTED) - 5
  with pytest.raises(UserError, match='no block in common'):
    compare(toy_table(WANTED[:2]), toy_table(WANTED[3:]))


def test_tables_by_block_and_by_operation_do_not_compare():
  a = toy_table(WANTED)
  b = LatencyTable(a.rows, {**PROVENANCE, 'unit': 'operation'})
  with pytest.raises(
    UserError, match='one is by block, the other by operation'
  ):
    compare(a, b)


def test_tables_merge_into_all_their_rows():
  a, b = toy_table(WANTED[:5]), toy_table(WANTED[3:])
  assert a.merge(b).rows == toy_table(WANTED).rows
  told = LatencyTable(b.rows, {**PROVENANCE, 'unit': 'block'})  # the default
  assert a.merge(told).rows == toy_table(WANTED).rows
  later = {
    'date': '2021-01-01', 'seconds_a_block': 0.2, 'phone_celsius': 31.0,
    'skipped': {'Skip': 2}, 'note': 'after lunch',
  }  # fmt: skip
  b = LatencyTable(b.rows, {**PROVENANCE, **later})
  assert a.merge(b).rows == b.merge(a).rows == toy_table(WANTED).rows


@pytest.mark.parametrize(
  ('name', 'value', 'says'),
  [
    ('threads', 4, 'their threads differs, 1 and 4'),
    ('unit', 'operation', "their unit differs, 'block' and 'operation'"),
    ('specimen', '89abcdef', "their specimen differs, None and '89abcdef'"),
    ('governor', 'schedutil', 'their governor differs'),
    ('network_error', 0.05, 'their network_error differs, None and 0.05'),
    ('correction', {'small': 1.2}, 'their correction differs'),
  ],
)
def test_tables_of_other_conditions_do_not_merge(name, value, says):
  a, b = toy_table(WANTED[:5]), toy_table(WANTED[3:])
  other = LatencyTable(b.rows, {**PROVENANCE, name: value})
  with pytest.raises(UserError, match=says):
    a.merge(other)
  with pytest.raises(UserError, match=f'their {name} differs'):
    other.merge(a)


def test_tables_merge_at_one_speed():
  a, b = toy_table(WANTED[:1]), toy_table(WANTED[1:2])
  slow = LatencyTable(a.rows, {**PROVENANCE, 'reference_ms': 0.5})
  fast = LatencyTable(b.rows, {**PROVENANCE, 'reference_ms': 0.25})
  merged = slow.merge(fast)
  (one,), (two,) = a.rows, b.rows
  assert merged[one].ms == pytest.approx(a[one].ms / 2, abs=1e-6)
  assert merged[two] == b[two]
  assert merged.provenance['reference_ms'] == 0.25
