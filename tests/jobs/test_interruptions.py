"""A training that is killed at random moments ends bit for bit the same.

`experiments/training/interruptions.py` does it twenty times, by the command
line; here processes are forked from one that has imported everything.
"""

import importlib.util
import multiprocessing
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COUNT, STEPS = 6, 500
WHOLE = (
  '--config.data.train_split=train', '--config.data.test_split=test',
  '--config.data.held_out_split=validation',
)  # fmt: skip  # of the short scenes


@pytest.fixture(scope='module')
def interruptions():
  path = ROOT / 'experiments/training/interruptions.py'
  spec = importlib.util.spec_from_file_location('interruptions', path)
  assert spec is not None and spec.loader is not None
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


def run_command(arguments):
  from mobilenet_jax.cli.main import main

  os._exit(main(arguments))


class Forked:
  """A command line in a forked process, used as a Popen is."""

  def __init__(self, context, arguments):
    self._process = context.Process(target=run_command, args=(arguments,))
    self._process.start()
    self.pid = self._process.pid

  def poll(self):
    return self._process.exitcode

  def wait(self):
    self._process.join()
    return self._process.exitcode


@pytest.fixture
def begin():
  context = multiprocessing.get_context('forkserver')
  context.set_forkserver_preload(
    ['mobilenet_jax.jobs.training', 'grain', 'tensorflow_datasets']
  )
  return lambda arguments: Forked(context, arguments)


def test_random_interruptions_change_no_bit(
  interruptions, begin, scenes, tmp_path
):
  more = (scenes, *WHOLE)
  whole, broken = tmp_path / 'whole', tmp_path / 'broken'
  interruptions.end(whole, STEPS, begin, *more)
  rows = interruptions.interrupted(broken, STEPS, COUNT, 0, begin, *more)
  assert interruptions.differences(whole, broken) == []
  assert {row['signal'] for row in rows} == {'SIGKILL', 'SIGTERM'}
  assert {row['moment'] for row in rows} >= {
    'compiling', 'step', 'saving', 'unmarked',
  }  # fmt: skip
