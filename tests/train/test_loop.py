"""Runs resume bit for bit, stop in order, and say what they do."""

import json
import os
import signal
import threading
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mobilenet_jax.core import progress
from mobilenet_jax.core.errors import JobError, Terminated
from mobilenet_jax.train import board
from mobilenet_jax.train.checkpoints import Checkpoints
from mobilenet_jax.train.metrics import MetricsWriter, read_metrics
from tests.train.toy import batches, same, start, step, train


class Stop(Exception):
  """Stands for a kill between two steps."""


def stopping_at(stop_at, stop):
  def source(first):
    for i, batch in enumerate(batches(first), first):
      if i == stop_at:
        stop()
      yield batch

  return source


def die():
  raise Stop


def terminate():
  os.kill(os.getpid(), signal.SIGTERM)


def steps_in(folder):
  return sorted(int(p.name) for p in (folder / 'checkpoints').iterdir())


@pytest.mark.parametrize('stops', [(3,), (6,), (7, 13, 19)])
@pytest.mark.parametrize(
  ('stop', 'error'), [(die, Stop), (terminate, Terminated)]
)
def test_an_interrupted_run_ends_as_one_that_was_not(
  tmp_path, stops, stop, error
):
  whole, broken = tmp_path / 'whole', tmp_path / 'broken'
  expected = train(whole)
  for at in stops:
    with pytest.raises(error):
      train(broken, stopping_at(at, stop))
  got = train(broken)
  same(expected, got)
  name = 'metrics.jsonl'
  assert (whole / name).read_bytes() == (broken / name).read_bytes()
  again = train(broken)  # a finished run is not run again
  np.testing.assert_array_equal(again.step, 20)


def test_sigterm_saves_the_step_that_runs(tmp_path):
  before = signal.getsignal(signal.SIGTERM)
  with pytest.raises(Terminated, match='after step 9 of 20, which is saved'):
    train(tmp_path, stopping_at(8, terminate))  # while batch 8 is made
  assert steps_in(tmp_path) == [6, 9]
  assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize('bad', ['loss', 'grad_norm'])
def test_a_diverged_run_stops_at_that_step(tmp_path, bad):
  seen = []

  def diverging(state, batch):
    seen.append(int(state.step) + 1)
    state, metrics = step(state, batch)
    value = jnp.where(state.step > 13, jnp.inf, 1.0)
    return state, {**metrics, bad: value}

  def explain(state, batch):
    expected = next(batches(13))  # batch 13 is that of step 14
    np.testing.assert_array_equal(batch, expected)
    return 'It was the moon.'

  what = {'loss': 'loss', 'grad_norm': 'gradient norm'}[bad]
  says = (
    rf'The {what} is inf in step 14: training has diverged\. It was the moon\. '
    r'The checkpoint of step 12 is kept\. Try a lower'
  )
  with pytest.raises(JobError, match=says):
    train(tmp_path, step_fn=diverging, explain=explain)
  assert seen[-1] == 15  # one was on its way
  assert steps_in(tmp_path) == [6, 12]
  assert read_metrics(tmp_path)[-1]['step'] == 12


def test_the_best_checkpoint_is_kept_and_recorded(tmp_path):
  scores = {6: 0.25, 12: 0.125, 18: 0.125, 20: 0.0}
  train(
    tmp_path,
    validate=lambda state: {'accuracy': scores[int(state.step)], 'loss': 1.0},
  )
  assert steps_in(tmp_path) == [6, 18, 20]
  found = [r for r in read_metrics(tmp_path) if 'validation' in r]
  assert [r['validation']['accuracy'] for r in found] == list(scores.values())
  checkpoints = Checkpoints(tmp_path / 'checkpoints')
  assert checkpoints.best_step() == 6
  assert int(checkpoints.restore(start(), 6).step) == 6
  checkpoints.close()


def test_without_a_terminal_a_line_says_how_fast_it_is(
  tmp_path, monkeypatch, capsys
):
  monkeypatch.setattr(progress, 'SECONDS_BETWEEN_LINES', 0.0)
  train(tmp_path)
  lines = capsys.readouterr().err.splitlines()
  line = next(text for text in lines if text.startswith('  toy: 11/20, '))
  assert ' s left, loss ' in line
  assert line.endswith(' images/s')
  assert lines[-1].startswith('  toy: 20/20 in ')


def test_metrics_drop_what_came_after_the_checkpoint(tmp_path):
  writer = MetricsWriter(tmp_path, after_step=0)
  for i in range(1, 5):
    writer.write(i, {'loss': i / 2, 'entropy': {'a/b': 0.5}})
  writer.close()
  with (tmp_path / 'metrics.jsonl').open('a') as file:
    file.write('{"step": 5, "lo')  # cut off by a kill
  MetricsWriter(tmp_path, after_step=2).close()
  assert [r['step'] for r in read_metrics(tmp_path)] == [1, 2]
  assert json.loads(
    (tmp_path / 'metrics.jsonl').read_text().split('\n')[1]
  ) == {
    'step': 2,
    'loss': 1.0,
    'entropy': {'a/b': 0.5},
  }


def test_a_step_may_take_the_memory_of_its_state_while_that_is_saved(tmp_path):
  """Compiled steps donate their state; the save in the background must hold
  what it was."""
  donating = jax.jit(step, donate_argnums=0)
  expected, _ = step(start(), next(batches(0)))
  checkpoints = Checkpoints(tmp_path / 'c', write=True)
  state, _ = donating(start(), next(batches(0)))
  checkpoints.save(1, state)
  for i in range(1, 30):
    state, _ = donating(state, next(batches(i)))
  same(expected, checkpoints.restore(start()))
  checkpoints.close()


def test_metrics_on_a_full_disk_are_a_sentence(tmp_path):
  writer = MetricsWriter(tmp_path, after_step=0)
  writer.write(1, {'loss': 1.0})
  writer._file.close()
  says = (
    r'Cannot write /dev/full in step 2: No space left on device\. '
    r'Checkpoints are kept: once there is space'
  )
  with Path('/dev/full').open('a') as writer._file:
    with pytest.raises(JobError, match=says):
      writer.write(2, {'loss': 1.0})
    writer.close()  # and no second one
  assert [r['step'] for r in read_metrics(tmp_path)] == [1]


def test_a_board_on_a_full_disk_is_told_once_and_no_one_waits_for_it(
  tmp_path, monkeypatch, capsys
):
  pytest.importorskip('tensorboardX')
  full = lambda path: board.ForgivingFile(Path('/dev/full'))
  monkeypatch.setattr(board.Files, 'open', full)
  writer = MetricsWriter(tmp_path, after_step=0)

  def log():
    for i in range(200):  # of which tensorboardX holds ten back
      writer.write(i, {'loss': float(i)})
    writer.close()

  logging = threading.Thread(target=log, daemon=True)
  logging.start()
  logging.join(20)
  assert not logging.is_alive()
  assert len(read_metrics(tmp_path)) == 200
  assert capsys.readouterr().err == (
    '/dev/full cannot be written any more (No space left on device); '
    'metrics.jsonl has what it would have.\n'
  )


def test_a_board_has_what_was_written(tmp_path):
  pytest.importorskip('tensorboardX')
  writer = MetricsWriter(tmp_path, after_step=0)
  writer.write(3, {'loss': 0.5, 'validation': {'accuracy': 0.25}})
  writer.close()
  (path,) = (tmp_path / 'tensorboard').iterdir()
  assert path.name.startswith('events.out.tfevents.')
  assert b'validation/accuracy' in path.read_bytes()
