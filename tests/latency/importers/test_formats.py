"""A table of another project is the same blocks and times in our words."""

import pytest

from mobilenet_jax.arch import from_string
from mobilenet_jax.latency.importers import FORMATS, import_table
from mobilenet_jax.latency.key import keys
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.models import get_arch
from tests.latency.importers.samples import FILES, TINY, imported

PROXYLESS = """tiny@64 conv_k3_s2_c16_r6 ir_k5_s2_e3_c24_r6 ir_k3_e6_c24_r6
  conv_k1_c96_r6 pool dense_c10_li"""
OFA = """tiny@64 conv_k3_s2_c16_hs ir_k3_e1_c16_re ir_k7_s2_e4.5_c24_se0.25_hs
  conv_k1_c96_hs pool dense_c128_hs dense_c10_li"""
FBNET = """tiny@64 conv_k3_s2_c16_re ir_k3_e1_c16_re_full ir_k5_s2_e3_c24_re
  ir_k3_e6_c24_re conv_k1_c96_re pool dense_c10_li"""
MOBILE = """tiny@64 conv_k3_s2_c16_re ir_k5_s2_e3_c24_re conv_k1_c96_re pool
  dense_c10_li"""


def rows(table):
  return {str(key): timing.ms for key, timing in table.rows.items()}


@pytest.mark.parametrize('name', FORMATS)
def test_an_imported_table_saves_and_loads(name, tmp_path):
  table = imported(name)
  table.save(tmp_path / 'table.csv')
  again = LatencyTable.load(tmp_path / 'table.csv')
  assert again.rows == table.rows
  assert again.provenance == table.provenance
  assert table.provenance['source'] != 'unknown'


def test_proxylessnas_gives_ratios_variances_and_shortcuts():
  table = imported('proxylessnas')
  assert rows(table) == {
    'conv 64x64x3->16 k3 s2 relu6 float32': 1.25,
    'conv 16x16x24->96 k1 s1 relu6 float32': 0.75,
    'pool 16x16x96->96 float32': 0.0,
    'dense 1x1x96->10 linear float32': 0.125,
    'ir 32x32x16->24 k5 s2 x48 relu6 float32': 2.5,
    'ir 16x16x24->24 k3 s1 x144 relu6 skip float32': 1.5,
    'ir 16x16x24->24 k3 s1 x144 relu6 float32': 1.375,
  }
  spec = from_string(PROXYLESS)
  stem = table[keys(spec)[0]]
  assert (stem.n, stem.mean_ms) == (90, 1.25)
  assert stem.std_ms == pytest.approx(0.2)
  pool = table[keys(spec)[-2]]
  assert pool.n == 0
  assert table.price(spec) == 1.25 + 2.5 + 1.5 + 0.75 + 0.125


def test_ofa_gives_channels_squeeze_excite_and_hard_swish():
  table = imported('ofa')
  assert rows(table) == {
    'pool 16x16x96->96 float32': 0.03125,
    'conv 64x64x3->16 k3 s2 hard_swish float32': 0.5,
    'conv 16x16x24->96 k1 s1 hard_swish float32': 0.25,
    'dense 1x1x96->128 hard_swish float32': 0.0625,
    'dense 1x1x128->10 linear float32': 0.015625,
    'ir 32x32x16->16 k3 s1 x16 relu skip float32': 0.375,
    'ir 32x32x16->24 k7 s2 x72 se24 hard_swish float32': 1.125,
  }
  assert table.price(from_string(OFA)) == sum(rows(table).values())
  assert table[keys(from_string(OFA))[0]].std_ms == 0.02


def test_single_path_nas_is_read_by_position_and_holds_the_rest_once():
  table = imported('single-path-nas')
  assert len(table.rows) == 4 + 2 + 5 * 2 * 4
  spec = get_arch('spnasnet')
  found = [table[key] for key in keys(spec)]
  # blocks 0 and 21 of the file are 1.0 and 3.625 in all columns
  assert [found[0].ms, found[1].ms] == pytest.approx([19.5999 - 4.625, 1.0])
  assert [t.ms for t in found[-4:]] == [3.625, 0.0, 0.0, 0.0]
  assert (found[2].ms, found[2].n) == (1.125, 1)  # block 1, k3 e3
  assert (found[3].ms, found[3].n) == (1.375, 3)  # mean of blocks 2, 3, 4
  assert found[3].std_ms == pytest.approx(0.125)
  searched = sum(t.ms for t in found[2:-4])
  assert table.price(spec) == pytest.approx(searched + 19.5999)


def test_hw_nas_bench_expands_always_and_counts_what_it_skips():
  table = imported('hw-nas-bench')
  assert table.provenance['device'] == 'Phone T'
  assert table.provenance['skipped'] == {
    'ConvBlock of 2 groups': 2,
    'Skip that does nothing': 1,
  }
  assert table.price(from_string(FBNET)) == 4.5625
  text = 'conv 32x32x16->24 k1 s2 relu float32'
  assert rows(table)[text] == 0.25


def test_mobile_vision_is_operations_in_microseconds():
  table = imported('mobile-vision')
  assert (table.unit, table.dtype) == ('operation', 'int8')
  assert table.provenance['licence'] == 'CC-BY-NC'
  assert table.provenance['skipped'] == {
    'Int8Add': 1,
    'Int8ConvRelu with argument adj': 1,
    'Int8Quantize': 1,
    'NCHW2NHWC': 1,
  }
  spec = from_string(MOBILE)
  assert table.missing(keys(spec, 'int8')) == []
  stem = table[keys(spec, 'int8')[0]]  # two records of one operator
  assert (stem.ms, stem.n) == (0.384, 2)
  assert stem.p90_ms == pytest.approx(0.48)
  # the projection is there with ReLU only; the last convolution with both
  block = 0.384 + 0.128 + 0.064
  assert table.price(spec) == pytest.approx(
    0.384 + block + 0.104 + 0.032 + 0.008
  )
  bare = [ms for text, ms in rows(table).items() if '->96 k1 s1 linear' in text]
  assert bare == [0.096]


def test_mobile_vision_is_of_the_device_that_its_file_names(tmp_path):
  told = imported('mobile-vision').provenance
  assert (told['device'], told['chip']) == ('SM-TEST-1', 'unknown')
  text = (FILES / 'mobile_vision.jsonl').read_text()
  path = tmp_path / 'galaxy.jsonl'
  path.write_text(text.replace('SM-TEST-1', 'SM-G950U-7.0-24'))
  told = imported('mobile-vision', path).provenance
  assert told['device'] == 'Galaxy S8 (SM-G950U-7.0-24)'
  assert told['chip'] == 'Snapdragon 835'
  said = imported('mobile-vision', path, device='Mine', chip='C').provenance
  assert (said['device'], said['chip']) == ('Mine', 'C')


@pytest.mark.parametrize('file', ['benchmark_model.txt', 'benchmark_model.csv'])
def test_a_profile_is_summed_by_block(file):
  table = import_table(
    FILES / file, 'benchmark_model', provenance={'device': 'T'}, arch=TINY
  )
  found = [table[key].ms for key in keys(TINY)]
  padding = 0.01 if file.endswith('txt') else 0.0
  softmax = 0.001 if file.endswith('txt') else 0.0
  assert found == pytest.approx(
    [0.23 + padding, 0.82, 0.5 + padding, 0.008, 0.002 + softmax]
  )
