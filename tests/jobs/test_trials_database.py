"""A multi-trial search that loses its database while it is at work."""

import dataclasses
import sqlite3
from functools import partial

import pytest

from mobilenet_jax.cli.main import main
from mobilenet_jax.core.errors import JobError
from mobilenet_jax.jobs import search, trials
from mobilenet_jax.search.storage import open_storage
from tests.jobs.test_trials import arguments, trials_of


class Accident:
  """Evaluates networks by their choices alone; in trial `at` something happens
  to the database, once."""

  def __init__(self, at, happens):
    self.at, self.happens, self.seen = at, happens, []

  def __call__(self, vector, number, report):
    self.seen.append(number)
    if number == self.at and self.happens:
      happens, self.happens = self.happens, None
      happens()
    quality = sum(vector) / 100
    return {'accuracy': quality, 'loss': 1 - quality}


@pytest.fixture
def begin(scenes, table, monkeypatch, request, capsys):
  """Starts a search of toy evaluations: its status, what it said last, and
  whether it came to train what was found."""
  monkeypatch.chdir(request.config.rootpath)
  told = 'the trials are over'
  search_of = trials.search_of

  def train(*_):
    raise JobError(told)

  def start(folder, evaluate):
    def given(job, place):
      return dataclasses.replace(search_of(job, place), evaluate=evaluate)

    monkeypatch.setattr(trials, 'search_of', given)
    status = main(arguments(scenes, table, folder))
    said = capsys.readouterr().err.strip().splitlines()[-1]
    return status, said, said.endswith(told)

  monkeypatch.setattr(search, 'train_contender', train)
  monkeypatch.setattr(
    trials, 'open_storage', partial(open_storage, locked_s=0.2)
  )
  return start


@pytest.fixture
def whole(begin, tmp_path):
  """The trials of a search without an accident."""
  folder = tmp_path / 'whole'
  assert begin(folder, Accident(-1, None))[2]
  return trials_of(folder)


def test_a_database_that_is_locked_in_the_middle(begin, whole, tmp_path):
  """By a program that holds it longer than a trial waits for it."""
  folder = tmp_path / 'run'
  path, holders = folder / 'trials.db', []

  def lock():
    holders.append(sqlite3.connect(path, isolation_level=None))
    holders[0].execute('BEGIN EXCLUSIVE')

  evaluate = Accident(1, lock)
  status, said, over = begin(folder, evaluate)
  assert (status, over) == (1, False)
  assert said == (
    f'mobilenet-jax: The trials in sqlite:///{path} cannot be reached any more '
    '(database is locked); nothing is lost: run this again when they can.'
  )
  holders[0].execute('ROLLBACK')
  holders[0].close()
  assert begin(folder, evaluate)[2]
  assert trials_of(folder) == whole
  assert evaluate.seen == [0, 1, 1, 2]  # what was finished is not done again


def test_a_database_that_breaks_in_the_middle(begin, whole, tmp_path):
  """The broken file is left as it is, and so is the run; a copy from before
  goes on."""
  folder = tmp_path / 'run'
  path, copies = folder / 'trials.db', []

  def truncate():
    copies.append(path.read_bytes())
    with path.open('r+b') as file:
      file.truncate(10_000)

  evaluate = Accident(1, truncate)
  status, said, over = begin(folder, evaluate)
  assert (status, over) == (1, False)
  assert 'cannot be reached any more (database disk image is malformed)' in said
  broken = path.read_bytes()
  status, said, _ = begin(folder, evaluate)
  assert status == 2
  assert f'{path} is corrupt (' in said
  assert path.read_bytes() == broken
  assert (folder / 'study.json').exists()
  path.write_bytes(copies[0])
  assert begin(folder, evaluate)[2]
  assert trials_of(folder) == whole
