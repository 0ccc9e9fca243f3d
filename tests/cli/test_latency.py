"""`mobilenet-jax measure` and `mobilenet-jax latency` as a user meets them."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mobilenet_jax.cli.main import main
from mobilenet_jax.latency.key import keys
from mobilenet_jax.latency.table import SHIPPED, LatencyTable, list_tables
from mobilenet_jax.latency.tensors import space_keys
from mobilenet_jax.models import get_arch
from mobilenet_jax.space import get_space
from tests.latency.toy import PROVENANCE, toy_table

TINY = 'tiny@16 conv_k3_s2_c8_re ir_k3_s2_e2_c8_re pool dense_c4_li'
SPEC = get_arch('mobilenet_v3_small', 0.5, 64, 10)


@pytest.fixture
def table(tmp_path):
  path = tmp_path / 'toy.csv'
  toy_table(keys(SPEC)).save(path)
  return path


def said(capsys, *argv, status=0):
  assert main([str(a) for a in argv]) == status
  return capsys.readouterr()


SHAPE = ('--width=0.5', '--resolution=64', '--classes=10')


def test_predict_prints_and_tells_json(capsys, table):
  argv = ('latency', 'predict', 'mobilenet_v3_small', '--table', table, *SHAPE)
  text = said(capsys, *argv).out
  expected = toy_table(keys(SPEC)).price(SPEC)
  assert f'{expected:.3f} ms' in text and 'interpolated' not in text
  made = json.loads(said(capsys, *argv, '--json').out)
  (row,) = made['networks']
  assert row['ms'] == pytest.approx(expected)
  assert row['lower'] < row['ms'] < row['upper']
  assert row['interpolated'] == []


def test_a_missing_block_is_an_error_unless_asked_for(capsys, table):
  argv = ('latency', 'predict', 'mobilenet_v3_small', '--table', table)
  wider = (*argv, '--width=0.75', '--resolution=64', '--classes=10')
  assert 'has no block "' in said(capsys, *wider, status=2).err
  text = said(capsys, *wider, '--missing=interpolate').out
  assert 'interpolated: ir ' in text


def test_predict_is_cold_in_a_second_without_jax_or_tensorflow(table):
  large = space_keys(get_space('v3_mobile', 224, 1000).spec)
  toy_table([*large, *keys(SPEC)]).save(table)
  code = (
    'import sys\n'
    'from mobilenet_jax.cli.main import main\n'
    f'assert main({["latency", "predict", "--table", str(table)]!r}\n'
    f'  + ["mobilenet_v3_small", *{SHAPE!r}]) == 0\n'
    'assert not {"jax", "tensorflow", "scipy"} & set(sys.modules)\n'
  )
  took = []
  for _ in range(3):
    start = time.monotonic()
    subprocess.run([sys.executable, '-c', code], check=True)
    took.append(time.monotonic() - start)
  assert min(took) < 1.0


def test_compare_prints_and_draws(capsys, table, tmp_path):
  other = tmp_path / 'other.csv'
  toy_table(keys(SPEC)[2:]).save(other)
  picture = tmp_path / 'both.png'
  argv = ('latency', 'compare', table, other)
  text = said(capsys, *argv, '--plot', picture).out
  assert 'Median ratio 1.000; 100% of the blocks' in text
  assert picture.read_bytes().startswith(b'\x89PNG')
  assert json.loads(said(capsys, *argv, '--json').out)['ratio'] == 1.0
  wrong = said(capsys, *argv, '--plot', tmp_path / 'x.exe', status=2).err
  assert 'must end in .png' in wrong


def test_measure_says_first_and_then_measures_only_the_rest(
  capsys, tmp_path, monkeypatch
):
  monkeypatch.setenv('MOBILENET_JAX_CACHE', str(tmp_path / 'cache'))
  out = tmp_path / 'tiny.csv'
  argv = ('measure', '--arch', TINY, '--out', out, '--json')
  plan = json.loads(said(capsys, *argv, '--dry-run').out)
  assert (plan['blocks'], plan['known'], plan['to_measure']) == (4, 0, 4)
  assert not out.exists() and not (tmp_path / 'cache').exists()
  made = json.loads(said(capsys, *argv).out)
  assert made['blocks'] == 4 and made['networks']['tiny'] > 0
  # a new cache: what the table holds is known all the same
  monkeypatch.setenv('MOBILENET_JAX_CACHE', str(tmp_path / 'other'))
  plan = json.loads(said(capsys, *argv, '--dry-run').out)
  assert (plan['known'], plan['to_measure']) == (4, 0)
  wider = TINY.replace('dense_c4', 'dense_c5').replace('tiny', 'wide')
  before = LatencyTable.load(out).rows
  said(capsys, 'measure', '--arch', wider, '--out', out)
  after = LatencyTable.load(out).rows
  assert len(after) == 5 and before.items() <= after.items()
  text = said(capsys, *argv, '--dtype=int8', status=2).err
  assert "other conditions (dtype 'float32', here 'int8')" in text


@pytest.mark.parametrize(
  ('argv', 'says'),
  [
    (['--device=phone'], 'not one of host, jax, adb'),
    (['--device=host:1'], 'not one of host, jax, adb'),
    (['--device=jax', '--threads=2'], 'does not take --threads'),
    (['--threads=1000'], 'this process may use'),
    (['--cores=a'], 'not a list of numbers'),
    (['--cores=999'], 'are not among'),
    (['--dtype=float9'], "dtype 'float9'"),
    (['--out=x.txt'], 'not a .csv'),
  ],
)
def test_a_wrong_measure_is_one_sentence(capsys, argv, says):
  base = ['measure', '--arch', TINY, '--out=x.csv', '--dry-run']
  assert says in said(capsys, *base, *argv, status=2).err


def test_shipped_tables_load_price_and_tell_their_source(capsys):
  made = json.loads(said(capsys, 'latency', 'tables', '--json').out)
  rows = made['tables']
  assert {'pixel1', 'pixel2', 'pixel3'} <= {
    row['name'] for row in made['anchor_sets']
  }
  assert [row['name'] for row in rows] == list_tables()
  for row in rows:
    table = LatencyTable.load(row['name'])
    assert all(table.provenance[name] not in (None, '') for name in PROVENANCE)
    assert row['source'] and row['licence']
  wrong = ('latency', 'predict', 'mobilenet_v1', '--table=no_such')
  assert (
    'neither a .csv file nor a shipped' in said(capsys, *wrong, status=2).err
  )


FOREIGN = Path(__file__).parents[1] / 'latency' / 'importers' / 'files'


def test_import_writes_a_table_that_loads(capsys, tmp_path):
  out = tmp_path / 'made.csv'
  file = FOREIGN / 'hw_nas_bench.json'
  argv = ('latency', 'import', '--format=hw-nas-bench', file, '--out', out)
  assert 'does not say its device' in said(capsys, *argv, status=2).err
  assert not out.exists()
  made = json.loads(
    said(capsys, *argv, '--json', '--set', 'device=Pixel 3').out
  )
  table = LatencyTable.load(out)
  assert made['blocks'] == len(table.rows)
  assert table.provenance['device'] == 'Pixel 3'
  wrong = said(capsys, *argv, '--set', 'device', status=2).err
  assert "'device' is not NAME=VALUE" in wrong


def test_import_refuses_a_shape_of_no_network(capsys, tmp_path):
  argv = ('latency', 'import', '--format=mobile-vision')
  argv = (*argv, FOREIGN / 'mobile_vision.jsonl', '--out', tmp_path / 'x.csv')
  for option in SHAPE:
    text = said(capsys, *argv, option, status=2).err
    assert f'{option.split("=")[0]} is of a network: name it with' in text
  assert not list(tmp_path.iterdir())


def test_import_never_writes_over_what_it_reads(capsys, tmp_path):
  file = tmp_path / 'pixel3.json'
  text = (FOREIGN / 'hw_nas_bench.json').read_text()
  file.write_text(text)
  argv = ('latency', 'import', '--format=hw-nas-bench', file)
  argv = (*argv, '--set', 'device=Pixel 3', '--out', file.with_suffix('.csv'))
  assert 'pixel3.json is no part of a' in said(capsys, *argv, status=2).err
  assert file.read_text() == text
  assert list(tmp_path.iterdir()) == [file]


def test_merge_puts_tables_of_one_device_together(capsys, tmp_path):
  wanted = keys(SPEC)
  paths = [tmp_path / f'{i}.csv' for i in range(3)]
  for i, path in enumerate(paths):
    toy_table(wanted[4 * i : 4 * i + 6]).save(path)
  out = tmp_path / 'all.csv'
  argv = ('latency', 'merge', *paths, '--out', out)
  expected = toy_table(wanted[:14]).rows
  assert f'all.csv: {len(expected)} blocks of toy.' in said(capsys, *argv).out
  assert LatencyTable.load(out).rows == expected
  made = json.loads(said(capsys, *argv, '--json').out)
  assert (made['blocks'], made['unit']) == (len(expected), 'block')
  other = LatencyTable(toy_table(wanted).rows, {**PROVENANCE, 'threads': 4})
  other.save(paths[2])
  assert 'their threads differs, 1 and 4' in said(capsys, *argv, status=2).err
  (tmp_path / 'all.json').write_text('{}')
  assert 'all.json is no part of a' in said(capsys, *argv, status=2).err
  lonely = ('latency', 'merge', paths[0], '--out', out)
  assert 'required: more' in said(capsys, *lonely, status=2).err


def test_calibrate_carries_a_table_and_says_how_far_off_it_is(capsys, tmp_path):
  grid = [(w, r) for w in (0.35, 0.5, 0.75, 1.0) for r in (64, 96)]
  specs = [get_arch('mobilenet_v2', w, r) for w, r in grid]
  host = toy_table(key for spec in specs for key in keys(spec))
  host.save(tmp_path / 'host.csv')
  rows = [
    f'mobilenet_v2,{w},{r},float32,{3 * host.price(spec):.6f},paper'
    for (w, r), spec in zip(grid, specs, strict=True)
  ]
  anchors = tmp_path / 'mine.csv'
  anchors.write_text(
    '\n'.join(['network,width,resolution,dtype,ms,source', *rows, ''])
  )
  about = json.loads((anchors_of('pixel2')).read_text())
  about |= {
    'device': 'My phone',
    'main_source': 'paper',
    'sources': {'paper': {'citation': 'measured by me', 'licence': 'none'}},
  }
  about.pop('left_out', None)
  (tmp_path / 'mine.json').write_text(json.dumps(about))
  out = tmp_path / 'phone.csv'
  argv = ('latency', 'calibrate', '--table', tmp_path / 'host.csv')
  argv = (*argv, '--anchors', anchors, '--out')
  text = anchors.read_text()
  assert (
    'mine.csv is no part of a' in said(capsys, *argv, anchors, status=2).err
  )
  assert anchors.read_text() == text
  argv = (*argv, out)
  text = said(capsys, *argv).out
  assert 'My phone (transferred, not measured)' in text
  assert 'Left out one by one' in text
  phone = LatencyTable.load(out)
  # a network that is not among the anchors
  spec = get_arch('mobilenet_v2', 0.75, 96, 1000)
  assert phone.price(spec) == pytest.approx(3 * host.price(spec), rel=0.1)
  again = ('latency', 'calibrate', '--table', out, '--anchors', anchors)
  again = (*again, '--out', tmp_path / 'x.csv')
  assert 'was not measured itself' in said(capsys, *again, status=2).err
  own = (*again[:-1], out)
  assert 'is the measured table' in said(capsys, *own, status=2).err


def anchors_of(name):
  return SHIPPED.parent / 'anchor_sets' / f'{name}.json'
