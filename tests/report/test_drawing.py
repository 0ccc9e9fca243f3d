"""The drawing shows every block with its price."""

import re

import pytest

from mobilenet_jax.arch import count
from mobilenet_jax.latency.key import keys
from mobilenet_jax.report.blocks import block_rows, read_prices, stages
from mobilenet_jax.report.drawing import drawing
from mobilenet_jax.report.page import write_report
from mobilenet_jax.report.units import duration, rounded, short
from tests.report.conftest import network, table

SPEC = network('found')


@pytest.fixture
def rows(folder):
  return block_rows(SPEC, read_prices(folder / 'latency.csv', 'float32'))


def test_blocks_have_the_tables_prices_and_the_counts(rows):
  specs = [network(n, k) for n, k in (('a', 3), ('b', 5), ('c', 7))]
  prices = table(specs)
  assert [r.ms for r in rows] == [prices[key].ms for key in keys(SPEC)]
  assert sum(r.params for r in rows) == count(SPEC).params
  assert sum(r.macs for r in rows) == count(SPEC).macs


def test_stages_are_blocks_of_one_resolution(rows):
  assert [len(stage) for stage in stages(rows)] == [1, 3, 2]


def test_every_block_is_drawn_with_its_milliseconds(folder, rows):
  page = write_report(folder).read_text()
  svg = page.split('id="network"')[1].split('</svg>')[0]
  drawn = re.findall(r'<g><title>(.*?)</title>(.*?)</g>', svg)
  assert len(drawn) == len(rows)
  for row, (title, inside) in zip(rows, drawn, strict=True):
    assert title == str(row)
    assert f'>{rounded(row.ms)}</text>' in inside
    assert f'>{row.params:,}</text>' in inside
  for words in ('SE 8', 'no SE', 'h-swish', 'ReLU', '3\u00d73', '\u00d74 = 32'):
    assert words in svg
  assert svg.count('class="shortcut"') == 1


def test_a_block_that_the_table_lacks_is_said_to_be_missing():
  assert drawing(SPEC, {}).count('not in the table') == len(SPEC.blocks)


def test_numbers_read_well():
  assert rounded(0.24572) == '0.246' and rounded(0.000771) == '0.000771'
  assert rounded(1234.5) == '1,230' and rounded(0) == '0'
  assert short(1795106) == '1.80\u00a0M' and short(512) == '512'
  assert duration(3725) == '1 h 2 min' and duration(59.2) == '59.2 s'
