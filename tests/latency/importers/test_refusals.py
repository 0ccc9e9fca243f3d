"""A file that is not whole or not what it is called is refused, with why."""

import json
import pickle

import pytest

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.importers import FORMATS, import_table
from tests.latency.importers.samples import FILES, NAMES, TINY, imported


def changed(name, tmp_path, *pairs):
  """The file of a format with texts replaced."""
  text = (FILES / NAMES[name]).read_text()
  for old, new in pairs:
    assert old in text
    text = text.replace(old, new, 1)
  path = tmp_path / NAMES[name]
  path.write_text(text)
  return path


@pytest.mark.parametrize('name', FORMATS)
@pytest.mark.parametrize('suffix', ['.pickle', '.json'])
def test_pickles_are_refused_whatever_they_are_called(name, suffix, tmp_path):
  path = tmp_path / f'table{suffix}'
  path.write_bytes(pickle.dumps({'FC_Cin8_Cout8': 1.0}))
  with pytest.raises(UserError, match='runs code when it is read: ask for'):
    imported(name, path)


@pytest.mark.parametrize(
  ('data', 'match'),
  [
    (b'\x93NUMPY\x01\x00', 'is a pickle'),
    (b'PK\x03\x04rest', 'is a zip archive: unpack it'),
    (b'\xff\xfe{}', 'is not text'),
    (b'', 'not valid JSON'),
    (b'{"a": 1', 'not valid JSON'),
    (b'[' * 100_000, 'nested too deep'),
    (b'{"FC_Cin8_Cout8": 1' + b'0' * 400 + b'}', 'is not from 0'),
    (b'{"FC_Cin8_Cout8": 1' + b'0' * 9999 + b'}', 'not valid JSON'),
    (b'{"FC_Cin8_Cout8": 1, "FC_Cin8_Cout8": 2}', 'stands twice'),
    (b'{}', 'no object of blocks'),
    (b'{"Skip_H8_W8_Cin8_Cout8_stride1": 1}', 'has no block that is ours'),
  ],
)
def test_bytes_that_are_no_table(data, match, tmp_path):
  path = tmp_path / 'table.json'
  path.write_bytes(data)
  with pytest.raises(UserError, match=match):
    imported('hw-nas-bench', path)


@pytest.mark.parametrize(
  ('name', 'old', 'new', 'match'),
  [
    ('proxylessnas', 'mean: 1.25', 'mean: .nan', 'mean nan is not from 0'),
    ('proxylessnas', 'mean: 1.25', 'mean: -1', 'mean -1 is not from 0'),
    ('proxylessnas', 'mean: 1.25', 'mean: 0', 'not above 0'),
    ('proxylessnas', 'mean: 1.25', 'mean: fast', "'fast' is not a number"),
    ('proxylessnas', 'count: 90', 'count: 0', 'count 0 is not 1 or more'),
    ('proxylessnas', '  var: 0.04\n', '', "Conv-.* lacks 'var'"),
    ('proxylessnas', 'var: 0.04', 'std: 0.2', "unknown 'std'; valid: count"),
    ('proxylessnas', 'Logits', 'Logit', "unknown kind 'Logit'; valid: Conv"),
    ('proxylessnas', 'expand:3', 'expand:48', 'format ofa'),
    ('proxylessnas', 'expand:3-', '', "lacks 'expand'"),
    ('proxylessnas', 'idskip:0', 'idskip:1', 'no shortcut joins'),
    ('proxylessnas', '16x16x24-exp', '15x15x24-exp', 'would be 16x16x24'),
    ('proxylessnas', '64x64x3', '64x32x3', 'is no square image'),
    ('proxylessnas', 'Conv_1', 'Conv', 'output would be 8x8x96'),
    ('proxylessnas', 'mean: 1.25', 'mean: &a 1.25\n  x: *a', 'an alias'),
    ('proxylessnas', 'mean: 1.25', 'mean: 1\n  mean: 2', 'stands twice'),
    ('proxylessnas', 'mean: 1.25', 'mean: !!python/name:os.system',
     'is not plain YAML'),
    ('ofa', 'expand:72', 'expand:4', 'format proxylessnas'),
    ('ofa', 'se:1', 'se:2', 'se is 0 or 1'),
    ('ofa', '-hs:1', '', "lacks 'hs'"),
    ('ofa', '-hs:1', '-hs:1-x:1', "unknown 'x'"),
    ('single-path-nas', '"21"', '"22"', "unknown '22'"),
    ('single-path-nas', '"3": 1.0', '"4": 1.0', "block 0: unknown '4'"),
    ('single-path-nas', '"3": 1.0', '"3": NaN', 'NaN is no number'),
    ('single-path-nas', '"3": 1.0', '"3": 990', 'times are milliseconds'),
    ('hw-nas-bench', 'FC_Cin96', 'FullyC_Cin96', "unknown kind 'FullyC'"),
    ('hw-nas-bench', '_exp3', '', "lacks 'exp'"),
    ('hw-nas-bench', '_exp3', '_exp3_dil2', "unknown 'dil'"),
    ('hw-nas-bench', '_kernel16', '_kernel8', 'is no global pool'),
    ('hw-nas-bench', '0.0625', '{"a": 1}', 'one metric of one device'),
    ('mobile-vision', 'runtime_us_p50', 'runtime_ms_p50', "'runtime_ms_p50'"),
    ('mobile-vision', 'SM-TEST-1', 'SM-TEST-2', 'is of 2 devices'),
    ('mobile-vision', '"SM-TEST-1"', '7', 'line 1: device 7 is no name'),
    ('mobile-vision', r'\"stride\"\ni: 2', r'\"stride\"\ni: 0',
     'line 3: stride 0 is not a whole number'),
    ('mobile-vision', '"runtime_us_p10": 70.0', '"runtime_us_p10": -1',
     'line 1: runtime_us_p10 -1 is not from 0'),
    ('mobile-vision', '[16, 3, 3, 3]', '[16, 3, 3]', 'line 3.*do not fit'),
    ('mobile-vision', '[16, 3, 3, 3]', '[16, 3, 3, 4]', 'groups of 4'),
    ('benchmark_model', 'Operator-wise', 'Op', '--enable_op_profiling=true'),
    ('benchmark_model', 'executed: 19', 'executed: 20', 'is cut off: 19 op'),
    ('benchmark_model', '    0.200\t 10.000%\t 10.500%',
     '      nan\t 10.000%\t 10.500%', 'cannot read .CONV_2D'),
    ('benchmark_model', '  0.000\t        1\t[stem]',
     '  0.000\t        7\t[stem]', r'CONV_2D \(\[stem\]:1\) was called 7'),
  ],
)  # fmt: skip
def test_what_is_wrong_is_named(name, old, new, match, tmp_path):
  with pytest.raises(UserError, match=match):
    imported(name, changed(name, tmp_path, (old, new)))


@pytest.mark.parametrize('name', FORMATS)
def test_a_truncated_file_is_refused(name, tmp_path):
  text = (FILES / NAMES[name]).read_text()
  path = tmp_path / NAMES[name]
  path.write_text(text[: int(0.6 * len(text))])
  with pytest.raises(UserError, match=NAMES[name]):
    imported(name, path)


@pytest.mark.parametrize(
  ('old', 'new', 'match'),
  [
    ('DEPTHWISE_CONV_2D', 'CONV_2D', r'CONV_2D \(\[block_1/depthwise\]:5\) st'),
    ('FULLY_CONNECTED', 'GATHER', 'unknown operation GATHER'),
    ('    ADD', '    MUL', 'no sum for the shortcut of "ir 16x16x16->16'),
    ('SOFTMAX', 'CONV_2D', r'nothing left for CONV_2D \(\[probabilities\]'),
    ('MEAN\t            1.57', 'RELU\t            1.57', 'has the pool of bl'),
  ],
)
def test_the_first_operation_that_does_not_line_up_is_named(
  old, new, match, tmp_path
):
  path = changed('benchmark_model', tmp_path, (old, new))
  with pytest.raises(UserError, match=match):
    imported('benchmark_model', path)


def test_lines_may_end_as_adb_ends_them(tmp_path):
  path = tmp_path / 'profile.txt'
  data = (FILES / NAMES['benchmark_model']).read_bytes()
  path.write_bytes(data.replace(b'\n', b'\r\n'))
  assert imported('benchmark_model', path).rows == (
    imported('benchmark_model').rows
  )


def test_a_delegate_that_hides_its_operations_is_refused(tmp_path):
  head, _, _ = (FILES / 'benchmark_model.csv').read_text().partition('Convo')
  path = tmp_path / 'gpu.csv'
  path.write_text(head + '\nNumber of nodes executed: 1\n')
  with pytest.raises(UserError, match='TfLiteXNNPackDelegate does not show'):
    imported('benchmark_model', path)


def test_what_only_the_user_knows_must_be_said():
  path = FILES / NAMES['hw-nas-bench']
  with pytest.raises(UserError, match='does not say its device'):
    import_table(path, 'hw-nas-bench')
  with pytest.raises(UserError, match='name the network that was profiled'):
    import_table(path, 'benchmark_model', provenance={'device': 'T'})
  with pytest.raises(UserError, match='takes no network'):
    import_table(path, 'hw-nas-bench', arch=TINY)
  with pytest.raises(UserError, match="Did you mean 'hw-nas-bench'"):
    import_table(path, 'hwnasbench')
  with pytest.raises(UserError, match=r"no 'devise'\. Did you mean 'device'"):
    imported('hw-nas-bench', devise='T')
  with pytest.raises(UserError, match="dtype 'int4' is not one of"):
    imported('hw-nas-bench', dtype='int4')
  with pytest.raises(UserError, match="'device' is empty"):
    imported('hw-nas-bench', device=' ')


def test_what_the_user_says_stands_over_what_is_published():
  table = imported('proxylessnas', device='Pixel 1 XL', threads='2', note='n')
  assert table.provenance['device'] == 'Pixel 1 XL'
  assert table.provenance['threads'] == 2
  assert table.provenance['note'] == 'Logits holds the global pool; n'
  assert json.dumps(table.provenance)
  half = imported('hw-nas-bench', dtype='float16')
  assert {key.dtype for key in half.rows} == {'float16'}
