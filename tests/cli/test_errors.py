"""A user's mistake gives one sentence, exit status 2 and nothing written."""

import json
import subprocess
import sys

import pytest

from mobilenet_jax.cli.main import COMMANDS, main
from mobilenet_jax.core.config import load_config
from mobilenet_jax.jobs.runs import open_run
from mobilenet_jax.models import list_models

CONFIG = '--config=configs/quickstart.py:runlocal'


@pytest.fixture(autouse=True)
def at_root(monkeypatch, request, tmp_path):
  monkeypatch.chdir(request.config.rootpath)
  monkeypatch.setenv('MOBILENET_JAX_CACHE', str(tmp_path / 'cache'))


def mistake(capsys, *argv):
  assert main(argv) == 2
  out, err = capsys.readouterr()
  assert out == ''
  lines = err.strip().splitlines()
  assert len(lines) == 1, err
  assert lines[0].startswith('mobilenet-jax: ')
  assert lines[0].endswith('.') or lines[0].endswith('?')
  return lines[0]


@pytest.mark.parametrize(
  ('argv', 'says'),
  [
    (['serch'], "Did you mean 'search'"),
    (['list', '--jsn'], '--jsn'),
    (['summary'], 'network'),
    (['summary', 'mobilenet_v3_smal'], "Did you mean 'mobilenet_v3_small'"),
    (['summary', 'none.json'], 'No such file'),
    (['summary', 'x@64 conv_k3'], 'channels'),
    (['summary', 'x@64 pool'], 'no layer that makes classes'),
    (['summary', 'x@64,ch3.7 pool dense_c5_li'], 'ch in'),
    (['summary', 'x@64 pool dense_c5_li', '--classes=7'], 'has 5 classes'),
    (['summary', 'x@64 pool dense_c5_li', '--resolution=0'], 'resolution 0'),
    (['summary', 'mobilenet_v3_small', '--width=0'], 'Width 0'),
    (
      [
        'import-weights',
        'mobilenet_v2',
        '--source=timm',
        '--path=x.npz',
        '--out=x.safetensors',
        '--width=0',
      ],
      'Width 0',
    ),
    (['summary', 'mobilenet_v3_small', '--width=wide'], "'wide'"),
    (['measure', '--out=t.csv'], '--space'),
    (['measure', '--space=v3_tiny', '--out=t.txt'], 'not a .csv'),
    (['measure', '--space=v3', '--out=t.csv'], "search space 'v3'"),
    (['evaluate', '--workdir=nowhere'], 'no config.json'),
    (['export', '--workdir=nowhere', '--out=m.tflite'], 'no config.json'),
    (['report', '--workdir=nowhere'], 'nowhere'),
    (['train', '--workdir=w'], '--config'),
  ],
)
def test_mistakes(capsys, argv, says, tmp_path, request):
  before = sorted(request.config.rootpath.iterdir())
  assert says in mistake(capsys, *argv)
  assert sorted(request.config.rootpath.iterdir()) == before


def mistake_in_a_run(capsys, tmp_path, scenes, *more):
  """Of a search that must leave its folder free for the corrected command."""
  work = tmp_path / 'run'
  said = mistake(capsys, 'search', CONFIG, scenes, f'--workdir={work}', *more)
  assert not work.exists()
  return said


@pytest.mark.parametrize(
  ('argument', 'says'),
  [
    ('--config=configs/none.py', 'No such file'),
    ('--config.search.stepz=3', "Did you mean 'steps'"),
    ('--config.search.steps=many', "'many'"),
    ('--config.search=3', 'not a dict'),
    ('--confg=x', 'confg'),
    ('--config=configs/quickstart.py:other', "'other'"),
    ('--config.latency.table=none.csv', 'Cannot read latency table none.csv'),
    ('--config.data.name=digit_scene/32', "'digit_scenes'"),
    ('--config.space=v3_tinny', "'v3_tiny'"),
    ('--config.latency.target_ms=nan', 'latency.target_ms is nan'),
    ('--config.train.save_every=0', 'train.save_every is 0'),
    ('--config.search.candidates=0', 'search.candidates is 0'),
    ('--config.seed=-1', 'seed is -1'),
    ('--config.compare.model=mobilenet_v3_smal', "'mobilenet_v3_small'"),
    ('--config.train.optimizer.name=adam', "'adamw'"),
  ],
)
def test_mistakes_in_a_job(capsys, argument, says, tmp_path, scenes):
  # of two --config the last one counts
  assert says in mistake_in_a_run(capsys, tmp_path, scenes, argument)


def test_an_infeasible_target_names_both_bounds(
  capsys, tmp_path, scenes, table
):
  more = (f'--config.latency.table={table}', '--config.latency.target_ms=99')
  said = mistake_in_a_run(capsys, tmp_path, scenes, *more)
  assert '99 ms is out of reach' in said
  assert said.count(' ms') >= 2


def test_a_table_that_lacks_a_block_is_refused(capsys, tmp_path, scenes, table):
  short = tmp_path / 'short.csv'
  lines = table.read_text().splitlines(keepends=True)
  short.write_text(''.join(line for line in lines if ',5,' not in line))
  short.with_suffix('.json').write_text(table.with_suffix('.json').read_text())
  more = f'--config.latency.table={short}'
  said = mistake_in_a_run(capsys, tmp_path, scenes, more)
  assert f'Latency table {short} lacks ' in said
  assert ' blocks of v3_tiny, such as "ir ' in said
  assert f'mobilenet-jax space v3_tiny --table={short}' in said


@pytest.mark.parametrize(
  ('spec', 'says'),
  [
    ('x@32 conv_k3_s2_c8_re pool dense_c7_li', 'x has 7 classes'),
    ('x@32,ch1 conv_k3_s2_c8_re pool dense_c10_li', 'x has 1 input channels'),
  ],
)
def test_a_network_that_does_not_fit_the_data(
  capsys, tmp_path, scenes, spec, says
):
  work = tmp_path / 'run'
  said = mistake(
    capsys, 'train', '--config=configs/digits.py', scenes,
    '--config.data.name=digit_scenes/32', f'--config.model.name={spec}',
    f'--workdir={work}',
  )  # fmt: skip
  assert says in said
  assert not work.exists()


def test_a_used_folder_refuses_another_config(capsys, tmp_path, scenes):
  work = tmp_path / 'run'
  work.mkdir()
  (work / 'mine.txt').write_text('keep')
  argv = ['search', CONFIG, scenes, f'--workdir={work}']
  assert 'not empty' in mistake(capsys, *argv)
  assert [p.name for p in work.iterdir()] == ['mine.txt']
  (work / 'mine.txt').unlink()
  with open_run(work, 'search', load_config([CONFIG, scenes])):
    assert 'is in use by another process' in mistake(capsys, *argv)
  said = mistake(capsys, *argv, '--config.latency.target_ms=99')
  assert 'latency.target_ms: 0.0 / 99.0' in said
  assert (work / 'config.json').exists()


@pytest.mark.parametrize(
  'text', ['def get_config(:', 'x = 1 / 0', 'import no_such_module', 'a']
)
def test_a_broken_config_file(capsys, tmp_path, text):
  path = tmp_path / 'broken.py'
  path.write_text(text)
  said = mistake(capsys, 'search', f'--config={path}', f'--workdir={tmp_path}')
  assert 'config' in said


def test_an_unwritable_folder(capsys):
  said = mistake(capsys, 'search', CONFIG, '--workdir=/proc/none')
  assert 'Cannot write to folder /proc/none' in said


def run_cli(*argv):
  return subprocess.run(
    [sys.executable, '-m', 'mobilenet_jax', *argv],
    capture_output=True,
    text=True,
  )


def test_help_lists_every_command():
  done = run_cli('--help')
  assert done.returncode == 0
  assert all(f'  {name} ' in done.stdout for name in COMMANDS)


def test_json_is_one_document_on_stdout():
  done = run_cli('summary', 'mobilenet_v3_small', '--json')
  assert done.returncode == 0
  found = json.loads(done.stdout)
  assert found['params'] == 2542856
  assert sum(layer['macs'] for layer in found['layers']) == 56510400
  names = [row['name'] for row in json.loads(run_cli('list', '--json').stdout)]
  assert names == list_models()


def test_list_and_summary_import_no_jax():
  code = (
    'import sys; from mobilenet_jax.cli.main import main\n'
    'main(["list"]); main(["summary", "mobilenet_v3_small"])\n'
    'sys.exit("jax" in sys.modules)'
  )
  done = subprocess.run([sys.executable, '-c', code], capture_output=True)
  assert done.returncode == 0
