"""Checkpoints: which are kept, which are whole, what if they cannot be."""

import errno
import json
import shutil

import jax.numpy as jnp
import numpy as np
import pytest

from mobilenet_jax.core.errors import JobError, UserError
from mobilenet_jax.train import manifest
from mobilenet_jax.train.checkpoints import Checkpoints
from tests.train.toy import batches, same, start, step, train


def steps_in(folder):
  return sorted(int(p.name) for p in folder.iterdir())


def filled(folder, steps, scores=None):
  """Checkpoints after that many steps; returns the last state."""
  checkpoints = Checkpoints(folder, write=True)
  state = start()
  for i in steps:
    state, _ = step(state.replace(step=jnp.asarray(i - 1)), next(batches(i)))
    checkpoints.save(i, state, (scores[i], 0.0) if scores else None)
  checkpoints.close()
  return state


def test_they_round_trip_and_the_last_two_stay(tmp_path):
  empty = Checkpoints(tmp_path / 'c', write=True)
  assert empty.latest_step() is None
  with pytest.raises(UserError, match='No checkpoint'):
    empty.restore(start())
  empty.close()
  state = filled(tmp_path / 'c', (1, 2, 3))
  checkpoints = Checkpoints(tmp_path / 'c', write=True)
  restored = checkpoints.restore(start())
  other = start().replace(params={'elsewhere': np.ones(3)})
  with pytest.raises(UserError, match='another network'):
    checkpoints.restore(other)
  assert checkpoints.best_step() is None
  checkpoints.close()
  same(restored, state)
  assert steps_in(tmp_path / 'c') == [2, 3]


def test_the_best_stays_over_a_restart(tmp_path):
  scores = {1: 0.5, 2: 0.9, 3: 0.1, 4: 0.2, 5: 0.3}
  filled(tmp_path / 'c', (1, 2, 3), scores)
  filled(tmp_path / 'c', (4, 5), scores)
  assert steps_in(tmp_path / 'c') == [2, 4, 5]
  checkpoints = Checkpoints(tmp_path / 'c', write=True)
  assert (checkpoints.best_step(), checkpoints.latest_step()) == (2, 5)
  checkpoints.save(6, start(), (0.95, 0.0))
  assert checkpoints.best_step() == 6
  checkpoints.close()
  assert steps_in(tmp_path / 'c') == [5, 6]


def test_scores_that_another_process_has_read_compare(tmp_path, monkeypatch):
  scores = {1: 0.5, 2: 0.9, 3: 0.1, 4: 0.2, 5: 0.3}
  filled(tmp_path / 'c', (1, 2, 3), scores)
  monkeypatch.setattr(  # as between processes
    'mobilenet_jax.train.checkpoints.from_first',
    lambda make: json.loads(json.dumps(make())),
  )
  filled(tmp_path / 'c', (4, 5), scores)
  assert steps_in(tmp_path / 'c') == [2, 4, 5]


def names(folder):
  filled(folder, (1, 2))
  found = [p for p in (folder / '2').rglob('*') if p.is_file()]
  return sorted(found, key=lambda p: p.stat().st_size)


@pytest.mark.parametrize('harm', ['cut', 'flip', 'remove', 'no digest'])
def test_a_damaged_one_is_left_out_and_told(tmp_path, harm, capsys):
  folder = tmp_path / 'c'
  for which in (-1, len(names(tmp_path / 'x')) // 2, 0):
    path = names(folder)[which]
    data = path.read_bytes()
    own = folder / '2' / 'manifest.json'
    if harm == 'cut':
      path.write_bytes(data[: len(data) // 2] if data else b'x')
    elif harm == 'flip':
      at = len(data) // 2
      changed = bytes([data[at] ^ 1]) if data else b'x'
      path.write_bytes(data[:at] + changed + data[at + 1 :])
    elif path == own or harm == 'no digest':
      own.write_text('{"score": null, "sha256": {}}')
    else:
      path.unlink()
    capsys.readouterr()
    checkpoints = Checkpoints(folder, write=True)
    told = capsys.readouterr().err
    assert told == (
      f'The checkpoint of step 2 in {folder} is damaged and left out; the '
      'newest whole one is of step 1.\n'
    )
    assert int(checkpoints.restore(start()).step) == 1
    checkpoints.close()
    assert steps_in(folder) == [1]
    shutil.rmtree(folder)


def test_a_run_goes_on_from_the_one_before_a_damaged_one(tmp_path):
  expected = train(tmp_path / 'whole')
  train(tmp_path / 'run')
  newest = tmp_path / 'run' / 'checkpoints' / '20' / 'state' / 'manifest.ocdbt'
  newest.write_bytes(newest.read_bytes()[:20])
  same(expected, train(tmp_path / 'run'))
  logs = [
    (tmp_path / n / 'metrics.jsonl').read_text() for n in ('whole', 'run')
  ]
  assert logs[0] == logs[1]


def test_one_that_was_not_finished_does_not_count(tmp_path):
  filled(tmp_path / 'c', (1, 2))
  (tmp_path / 'c' / '2' / 'manifest.json').unlink()  # killed before it
  checkpoints = Checkpoints(tmp_path / 'c', write=True)
  assert checkpoints.latest_step() == 1
  checkpoints.close()


def test_who_only_reads_changes_nothing(tmp_path):
  filled(tmp_path / 'c', (1, 2))
  (tmp_path / 'c' / '2' / 'manifest.json').unlink()
  (tmp_path / 'c' / '3.orbax-checkpoint-tmp').mkdir()  # another one saves
  there = sorted(tmp_path.rglob('*'))
  checkpoints = Checkpoints(tmp_path / 'c')
  assert checkpoints.latest_step() == 1
  checkpoints.close()
  assert sorted(tmp_path.rglob('*')) == there


def test_what_cannot_be_read_is_not_taken_for_damaged(tmp_path, monkeypatch):
  filled(tmp_path / 'c', (1, 2))

  def failing(folder):
    raise PermissionError(13, 'Permission denied')

  monkeypatch.setattr(manifest, '_digests', failing)
  with pytest.raises(UserError, match=r'Cannot read .*: Permission denied\.'):
    Checkpoints(tmp_path / 'c', write=True)
  assert steps_in(tmp_path / 'c') == [1, 2]


def test_when_all_are_damaged_nothing_is_removed(tmp_path):
  filled(tmp_path / 'c', (1, 2))
  for i in '12':
    (tmp_path / 'c' / i / '_CHECKPOINT_METADATA').unlink()
  with pytest.raises(UserError, match=r'Every checkpoint in .* is damaged'):
    Checkpoints(tmp_path / 'c', write=True)
  assert steps_in(tmp_path / 'c') == [1, 2]


@pytest.mark.parametrize('late', [False, True])
def test_a_full_disk_is_told_and_what_was_saved_stays(
  tmp_path, monkeypatch, late
):
  from mobilenet_jax.train import checkpoints as module

  name = 'write_manifest' if late else '_check_space'
  real, calls = getattr(module, name), []

  def full(*args):
    calls.append(args)
    if len(calls) == 2:
      raise OSError(errno.ENOSPC, 'No space left on device')
    real(*args)

  monkeypatch.setattr(module, name, full)
  says = (
    r'Cannot save the checkpoint of step 12 in .*: No space left on device\. '
    r'That of step 6 is kept\.'
  )
  with pytest.raises(JobError, match=says):
    train(tmp_path / 'run')
  monkeypatch.undo()
  same(train(tmp_path / 'run'), train(tmp_path / 'whole'))


def test_a_state_that_does_not_fit_is_not_begun(tmp_path):
  checkpoints = Checkpoints(tmp_path / 'c', write=True)
  huge = np.broadcast_to(np.zeros(1), (1 << 59,))  # no memory, but 4 EiB
  with pytest.raises(JobError, match='No space left on device'):
    checkpoints.save(1, {'huge': huge})
  checkpoints.close()
  assert steps_in(tmp_path / 'c') == []


def test_a_folder_that_goes_away_is_told(tmp_path):
  checkpoints = Checkpoints(tmp_path / 'c', write=True)
  checkpoints.save(1, start())
  checkpoints.wait()
  shutil.move(tmp_path / 'c', tmp_path / 'elsewhere')
  (tmp_path / 'c').write_text('')  # no folder
  says = r'the checkpoint of step 2 in .* File exists\. That of step 1'
  with pytest.raises(JobError, match=says):
    checkpoints.save(2, start())
  checkpoints.close()
  assert steps_in(tmp_path / 'elsewhere') == [1]
