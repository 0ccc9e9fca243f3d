"""A latency table keeps what it was given and refuses what it cannot trust."""

import re

import pytest
from hypothesis import given, settings

from mobilenet_jax.arch import from_string
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.key import keys
from mobilenet_jax.latency.operations import operations
from mobilenet_jax.latency.rows import from_csv, to_csv
from mobilenet_jax.latency.table import (
  LatencyTable,
  check_writable,
  list_tables,
  sidecar,
)
from mobilenet_jax.models import get_arch
from tests.arch.strategies import specs
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


REST = ',float32,1.0,,,,,,1,0\n'  # of a row, after the detail


@pytest.mark.parametrize(
  ('row', 'says'),
  [
    ('fused,8,16,24,3,1,0,0,relu,0,', 'a fused needs its token as detail'),
    ('uib,8,16,24,3,1,0,0,relu,0,symmetric', 'a uib needs its token'),
    ('se,8,16,16,0,0,0,8,relu,0,', 'a se needs its token'),
    ('ir,8,16,24,3,1,96,0,relu,0, ', 'does not agree with itself'),
    ('ir,8,16,24,3,0,96,0,relu,0,', 'stride 0 is not a whole number'),
    ('conv,8,16,24,0,1,0,0,relu,0,', 'kernel 0 is not a whole number'),
    ('dense,1,16,0,0,0,0,0,relu,0,', 'channels 0 is not a whole number'),
    ('ir,8,0,24,3,1,96,0,relu,0,', 'in_channels 0 is not a whole number'),
    ('ir,0,16,24,3,1,96,0,relu,0,', 'in_size 0 is not a whole number'),
    ('ir,8,16,24,3,1,96,0,rleu,0,', "unknown activation 'rleu'"),
    ('ir,8,16,24,3,1,97,0,relu,0,', 'its block is "ir 8x8x16->24 k3 s1 x96'),
    ('ir,8,16,24,3,1,96,0,relu,1,', 'does not agree'),  # no shortcut fits
    ('ir,8,16,24,3,1,96,0,relu,0,ir_k5_e6_c24_gs_re', 'does not agree'),
    ('conv,8,16,24,3,1,0,0,relu,0,ir_k3_e6_c24_re', 'does not agree'),
    ('conv,8,16,24,3,1,0,0,relu,0,conv_k3_c24_re_g5', '5 groups do not'),
    ('conv,8,16,24,3,1,0,0,relu,0,conv_k3_s0_c24_re', 'stride 0 is not'),
    ('max,1,16,16,4,2,0,0,,0,max_k4_s2 symmetric', 'does not fit into 1 pix'),
    (f'conv,8,{"9" * 400},24,3,1,0,0,relu,0,', 'is not 0 or more and below'),
    (f'ir,8,16,24,3,1,96,0,relu,0,{"x" * 140_000}', 'over 2000 characters'),
  ],
)
def test_a_row_that_is_no_block_is_one_sentence_with_its_line(saved, row, says):
  text = saved.read_text()
  saved.write_text(text + row + REST)
  line = text.count('\n') + 1
  with pytest.raises(UserError, match=re.escape(f'line {line}')) as caught:
    LatencyTable.load(saved)
  assert says in str(caught.value) and '\n' not in str(caught.value)
  assert len(str(caught.value)) < 1000


@settings(deadline=None)
@given(specs())
def test_blocks_and_operations_of_any_network_are_read_as_written(spec):
  wanted = keys(spec)
  for found in (wanted, [part for key in wanted for part in operations(key)]):
    rows = toy_table(found).rows
    assert from_csv(to_csv(rows), 'rows') == rows


@pytest.mark.parametrize('name', list_tables())
def test_a_shipped_table_is_read_as_written(name, tmp_path):
  table = LatencyTable.load(name)
  table.save(tmp_path / 'same.csv')
  assert LatencyTable.load(tmp_path / 'same.csv').rows == table.rows


@pytest.mark.parametrize('name', ['reference_ms', 'seconds_a_block'])
@pytest.mark.parametrize('value', [0, -1.0, 'fast', True, float('inf')])
def test_a_speed_that_is_no_time_is_refused(name, value):
  rows = toy_table(keys(SPEC)).rows
  with pytest.raises(UserError, match=f'{name} .* is no time above 0'):
    LatencyTable(rows, {**PROVENANCE, name: value})


@pytest.mark.parametrize(
  ('file', 'text', 'says'),
  [
    ('mine.csv', 'network,width,ms,source\n', 'mine.csv is no part'),
    ('mine.csv', '', 'mine.csv is no part'),
    ('mine.json', '{"device": "Pixel 3"}', 'mine.json is no part'),
    ('mine.json', '[1, 2]', 'mine.json is no part'),
    ('mine.json', 'tiny@16 pool dense_c4_li', 'mine.json is no part'),
  ],
)
def test_what_is_no_table_is_never_written_over(tmp_path, file, text, says):
  (tmp_path / file).write_text(text)
  table = toy_table(keys(SPEC))
  for write in (check_writable, table.save):
    with pytest.raises(UserError, match=says):
      write(tmp_path / 'mine.csv')
  assert (tmp_path / file).read_text() == text
  assert [path.name for path in tmp_path.iterdir()] == [file]


def test_a_table_is_written_over_a_table_only_and_called_csv(saved):
  less = toy_table(keys(SPEC)[:3])
  less.save(saved)
  assert LatencyTable.load(saved).rows == less.rows
  with pytest.raises(UserError, match=r'table\.json is not a \.csv file'):
    less.save(sidecar(saved))
  folder = saved.parent / 'folder.csv'
  folder.mkdir()
  with pytest.raises(UserError, match=r'Cannot read .*: Is a directory'):
    less.save(folder)


def test_padding_of_a_network_is_kept(tmp_path):
  spec = from_string('pad@32,sym conv_k3_s2_c8_re max_k3_s2 pool dense_c4_li')
  table = toy_table(keys(spec))
  table.save(tmp_path / 'pad.csv')
  assert LatencyTable.load(tmp_path / 'pad.csv').missing(keys(spec)) == []
