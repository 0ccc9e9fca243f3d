"""A multi-trial search as a user runs it, stopped and helped."""

import json
import re
import subprocess
import sys
import time

import optuna
import pytest

from mobilenet_jax.cli.main import main
from mobilenet_jax.core.config import load_config
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.jobs import trial_training, trials, workers
from mobilenet_jax.jobs.checks import check_search
from mobilenet_jax.jobs.many import Trainer
from mobilenet_jax.jobs.pricing import open_pricing
from mobilenet_jax.jobs.search import open_data
from mobilenet_jax.jobs.searching import SearchJob, check_space
from mobilenet_jax.latency.tensors import space_keys
from mobilenet_jax.search import studies
from mobilenet_jax.space import get_space
from tests.latency.toy import toy_table
from tests.search.toy import SPACE
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
    ('--config.search.at_once=0', 'search.at_once is 0'),
    ('--storage=trials', 'no URL of a database'),
    ('--storage=mysql://me:secret@host/db', "'mysql://me:***@host/db'"),
  ],
)
def test_mistakes(capsys, scenes, table, tmp_path, argument, says):
  folder = tmp_path / 'run'
  said = mistake(capsys, *arguments(scenes, table, folder, argument))
  assert says in said
  assert not folder.exists()


@pytest.mark.parametrize(
  ('arguments', 'says'),
  [
    (
      ['at_once=2', 'pruner=median'],
      (
        "search.pruner 'median' stops networks one by one, but search.at_once "
        '2 trains them in one program to the end; take search.at_once=1, or '
        "search.pruner=''."
      ),
    ),
    (
      ['at_once=2', 'train.ema=0.9'],
      (
        'search.train.ema is 0.9; with search.at_once 2 it is 0.0: several '
        'networks in one program are trained without.'
      ),
    ),
    (
      ['policy=nsga2', 'pruner=median'],
      (
        "search.pruner 'median' compares networks by one number; search.policy "
        "'nsga2' has accuracy and latency: the pruner is ''."
      ),
    ),
  ],
)
def test_what_does_not_go_together(arguments, says):
  config = load_config([CONFIG, *(f'--config.search.{a}' for a in arguments)])
  with pytest.raises(UserError) as caught:
    check_search(config)
  assert str(caught.value) == says


def test_a_space_of_many_resolutions_is_searched_one_by_one():
  space = get_space('ofa_mobilenet_v3', 224, 10)
  check_space(load_config([CONFIG]), space)
  config = load_config([CONFIG, '--config.search.at_once=2'])
  with pytest.raises(UserError, match='one program see images of one size'):
    check_space(config, space)


# ---- several at once


@pytest.fixture
def job(scenes, tmp_path):
  """Three trials of a tiny space in groups of two."""
  toy_table(space_keys(SPACE.spec)).save(tmp_path / 'toy.csv')
  config = load_config(
    [
      *arguments(scenes, tmp_path / 'toy.csv', tmp_path)[1:-1],
      '--config.search.at_once=2', '--config.search.policy=nsga2',
      '--config.latency.tolerance=1.0',
    ]
  )  # fmt: skip
  pricing = open_pricing(config.latency, SPACE, tmp_path)
  data = open_data(config)
  return SearchJob(config, SPACE, pricing, data, tmp_path, None)


class Killed(BaseException):
  """As SIGKILL, nothing of the driver's may run after it."""


def test_networks_of_a_group_are_as_if_trained_alone(job, monkeypatch):
  """Killed in the first group: both of it are taken up; none is lost. (That
  a program of one gives the same as one of two: tests/supernet/test_many.)"""
  call, groups = Trainer.__call__, []

  def once_killed(self, vectors, seed):
    groups.append(list(vectors))
    if len(groups) == 1:
      raise Killed
    return call(self, vectors, seed)

  monkeypatch.setattr(Trainer, '__call__', once_killed)
  with monkeypatch.context() as patch:
    patch.setattr('mobilenet_jax.search.trials._let_go', lambda *_: None)
    with pytest.raises(Killed):
      trials.find(job)
  storage = optuna.storages.RDBStorage(f'sqlite:///{job.folder}/trials.db')
  (study,) = optuna.get_all_study_summaries(storage)
  assert study.n_trials == 2
  assert study.user_attrs['choices']['kernel'] == ['3', '5']
  found = trials.find(job)
  assert [len(group) for group in groups] == [2, 2, 1]
  assert groups[0] == groups[1]
  rows = studies.finished(storage, study.study_name, job.space)
  assert [row.vector for row in rows] == [*groups[1], *groups[2]]
  assert found in groups[1] + groups[2]

  monkeypatch.undo()
  one = trial_training.together(job)
  for row in rows:
    (facts,) = one.evaluate([row.vector], [row.number])
    assert row.accuracy == pytest.approx(facts['accuracy'], abs=1e-6)
  evidence = json.loads((job.folder / 'evidence.json').read_text())
  assert len(evidence['candidates']) == 3
  assert 1 <= len(evidence['front']) <= 3


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
  config = load_config([CONFIG])
  with pytest.raises(UserError, match='holds no search with prices; start'):
    workers.run(config, str(tmp_path / 'none'), wait_s=0)
