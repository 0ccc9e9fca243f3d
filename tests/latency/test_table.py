"""A latency table keeps what it was given and refuses what it cannot trust."""

import re

import pytest

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.key import keys
from mobilenet_jax.latency.table import LatencyTable, sidecar
from mobilenet_jax.models import get_arch
from tests.latency.toy import PROVENANCE, toy_table

SPEC = get_arch('mobilenet_v3_small', 0.5, 64, 10)


@pytest.fixture
def saved(tmp_path):
  path = tmp_path / 'table.csv'
  toy_table(keys(SPEC)).save(path)
  return path


def test_save_and_load_are_exact(saved):
  again = LatencyTable.load(saved)
  assert again.rows == toy_table(keys(SPEC)).rows
  assert again.provenance == PROVENANCE


def test_predict_sums_blocks_and_names_the_missing():
  known = keys(SPEC)
  table = toy_table(known)
  latency = table.predict(SPEC)
  assert latency.ms == pytest.approx(sum(table[k].ms for k in known))
  assert latency.lower < latency.ms < latency.upper
  assert latency.missing == ()
  less = LatencyTable(
    {k: t for k, t in table.rows.items() if k != known[3]}, PROVENANCE
  )
  for price in (less.predict, less.price):
    with pytest.raises(UserError, match=re.escape(f'no block "{known[3]}"')):
      price(SPEC)
  assert less.predict(SPEC, 'interpolate').missing == (known[3],)


def test_a_block_that_stands_twice_in_a_network_is_paid_twice():
  spec = get_arch('mobilenet_v3_small', 1.0, 64, 10)
  table = toy_table(keys(spec))
  assert len(keys(spec)) > len(set(keys(spec)))
  assert table.price(spec) == pytest.approx(
    sum(table[k].ms for k in keys(spec))
  )


@pytest.mark.parametrize(
  ('spoil', 'says'),
  [
    (lambda text: text[:-20], 'cut off in line'),
    (lambda text: text.replace(',float32,', ',float32,x', 1), 'ms .* number'),
    (lambda text: text.replace(',float32,', ',float9,', 1), "dtype 'float9'"),
    (lambda text: text.replace(',float32,', ',float32,-', 1), '0 or more'),
    (lambda text: text.replace('kind,', 'kinds,', 1), 'first line must be'),
    (lambda text: text + text.splitlines()[1] + '\n', 'stands twice'),
    (lambda text: text.splitlines()[0] + '\n', 'no rows'),
    (lambda text: text.replace('\nir,', '\nxx,', 1), "unknown kind 'xx'"),
    (lambda text: text + 'ir,1\n', '2 values'),
  ],
)
def test_a_spoilt_table_is_refused_with_the_line(saved, spoil, says):
  saved.write_text(spoil(saved.read_text()))
  with pytest.raises(UserError, match=says):
    LatencyTable.load(saved)


def test_nan_and_binary_are_refused(saved):
  text = saved.read_text()
  header, first = (line.split(',') for line in text.splitlines()[:2])
  cell = first[header.index('ms')]
  saved.write_text(text.replace(cell, 'nan', 1))
  with pytest.raises(UserError, match='0 or more'):
    LatencyTable.load(saved)
  saved.write_bytes(b'\xff\xfe\x00')
  with pytest.raises(UserError, match='not text'):
    LatencyTable.load(saved)


def test_a_table_without_provenance_does_not_load(saved):
  side = sidecar(saved)
  side.write_text('{"device": "x"}')
  with pytest.raises(UserError, match='lacks provenance: chip, cores'):
    LatencyTable.load(saved)
  side.write_text('{')
  with pytest.raises(UserError, match='not valid JSON'):
    LatencyTable.load(saved)
  side.unlink()
  with pytest.raises(UserError, match='no provenance'):
    LatencyTable.load(saved)
  with pytest.raises(UserError, match='Cannot read'):
    LatencyTable.load(saved.parent / 'none.csv')
