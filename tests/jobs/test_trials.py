"""A multi-trial search as a user runs it, stopped and helped."""

import json
import re
import subprocess
import sys
import time

import optuna
import pytest

from mobilenet_jax.cli.main import main
from tests.search.toys import contents

CONFIG = '--config=configs/trials.py:runlocal'


@pytest.fixture(autouse=True)
def at_root(monkeypatch, request):
  monkeypatch.chdir(request.config.rootpath)


def arguments(scenes, table, folder, *more):
  """Of few, small networks: 3 trials on the short scenes."""
  return [
    'search', CONFIG, scenes, f'--config.latency.table={table}',
    '--config.search.trials=3', '--config.data.train_split=train',
    '--config.data.held_out_split=validation', '--config.data.test_split=test',
    f'--workdir={folder}', *more,
  ]  # fmt: skip


def trials_of(folder):
  storage = optuna.storages.RDBStorage(f'sqlite:///{folder}/trials.db')
  return contents(storage, study_of(folder)['study'])


def study_of(folder):
  return json.loads((folder / 'study.json').read_text())


@pytest.mark.slow
def test_a_search_that_is_killed_and_helped_ends_the_same(
  scenes, table, tmp_path
):
  """Killed in a trial, resumed; a worker that comes too late leaves."""
  whole, broken = tmp_path / 'a' / 'run', tmp_path / 'b' / 'run'
  assert main(arguments(scenes, table, whole)) == 0
  command = [sys.executable, '-m', 'mobilenet_jax']
  for moment in ('trials/trial_0/checkpoints/1', 'trials/trial_2/arch.json'):
    process = subprocess.Popen(
      [*command, *arguments(scenes, table, broken)], stderr=subprocess.PIPE
    )
    while not (broken / moment).exists():
      assert process.poll() is None, process.communicate()[1]
      time.sleep(0.01)
    process.kill()
    process.communicate()
  assert main(arguments(scenes, table, broken)) == 0
  assert trials_of(whole) == trials_of(broken)
  for name in ('arch.json', 'metrics.jsonl', 'contenders/found/result.json'):
    assert (whole / name).read_bytes() == (broken / name).read_bytes(), name
  assert not (broken / 'trials').exists()
  page = (broken / 'report.html').read_text()
  assert 'chart-trials' in page
  assert main(arguments(scenes, table, broken, '--worker')) == 0
  study = study_of(broken)
  assert study['storage'] == 'trials.db'
  assert re.fullmatch('run-[0-9a-f]{8}', study['study'])


def mistake(capsys, *argv):
  assert main(argv) == 2
  out, err = capsys.readouterr()
  assert out == ''
  (line,) = [x for x in err.splitlines() if x.startswith('mobilenet-jax: ')]
  return line


@pytest.mark.parametrize(
  ('argument', 'says'),
  [
    ('--config.search.policy=evolve', "Did you mean 'evolution'"),
    ('--config.search.reward=mnasnet', "Did you mean 'mnasnet_"),
    ('--config.search.pruner=mean', "Did you mean 'median'"),
    ('--config.search.trials=0', 'search.trials is 0'),
    ('--config.search.population=1', 'search.population is 1'),
    ('--config.search.train.steps=0', '--config.search.train.steps is 0'),
    ('--config.search.train.patience=2', 'search.train.patience is 2'),
    ('--config.search.train.distill.teacher=x', 'distill.teacher is'),
    ('--storage=trials', 'no URL of a database'),
    ('--storage=mysql://me:secret@host/db', "'mysql://me:***@host/db'"),
  ],
)
def test_mistakes(capsys, scenes, table, tmp_path, argument, says):
  folder = tmp_path / 'run'
  said = mistake(capsys, *arguments(scenes, table, folder, argument))
  assert says in said
  assert not folder.exists()


def test_a_storage_for_a_search_without_trials(capsys, tmp_path, scenes):
  said = mistake(
    capsys, 'search', '--config=configs/quickstart.py:runlocal', scenes,
    '--storage=sqlite:///x.db', f'--workdir={tmp_path / "run"}',
  )  # fmt: skip
  assert said.endswith("only that of 'trials' takes --storage.")


def test_a_corrupt_database_is_left_alone_and_the_run_too(
  capsys, scenes, table, tmp_path
):
  folder = tmp_path / 'run'
  elsewhere = tmp_path / 'notes.db'
  elsewhere.write_text('notes')
  more = f'--storage=sqlite:///{elsewhere}'
  said = mistake(capsys, *arguments(scenes, table, folder, more))
  assert 'notes.db is no SQLite database' in said
  assert elsewhere.read_text() == 'notes'
  assert not folder.exists()  # free for the corrected command


def test_a_worker_without_a_search_says_what_to_start(scenes, table, tmp_path):
  from mobilenet_jax.core.config import load_config
  from mobilenet_jax.core.errors import UserError
  from mobilenet_jax.jobs import workers

  config = load_config([CONFIG])
  with pytest.raises(UserError, match='holds no search with prices; start'):
    workers.run(config, str(tmp_path / 'none'), wait_s=0)
