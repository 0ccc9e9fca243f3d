"""Early stopping: when, and the same whenever a run is interrupted."""

import contextlib
import json

import pytest

from mobilenet_jax.train.checkpoints import Checkpoints
from mobilenet_jax.train.loop import Plan, fit
from mobilenet_jax.train.metrics import read_metrics
from mobilenet_jax.train.patience import Patience
from tests.train.toy import batches, same, start, step

SCORES = {3: 0.5, 6: 0.7, 9: 0.7, 12: 0.6, 15: 0.7, 18: 0.9, 20: 0.9}


class Stop(Exception):
  """Stands for a kill between two steps."""


def train(folder, patience, *, scores=None, stop_at=None):
  """20 steps at most, a validation every 3; 9 is 6 with a higher loss."""
  scores = scores or SCORES
  folder.mkdir(exist_ok=True)

  def source(first):
    for i, batch in enumerate(batches(first), first):
      if i == stop_at:
        raise Stop
      yield batch

  return fit(
    start(),
    step,
    source,
    Plan(
      20, log_every=2, save_every=3, images=4, folder=folder, title='toy',
      patience=patience,
    ),
    record=lambda m: {k: float(v) for k, v in m.items()},
    validate=lambda state: {
      'accuracy': scores[int(state.step)],
      'loss': 1.0 + int(state.step),
    },
  )  # fmt: skip


@pytest.mark.parametrize(
  ('patience', 'last'), [(0, 20), (1, 9), (2, 12), (3, 15), (4, 20)]
)
def test_a_run_ends_after_so_many_validations(tmp_path, capsys, patience, last):
  assert int(train(tmp_path, patience).step) == last
  said = (
    f'Stopped after step {last}: no validation since that of step 6 was better.'
  )
  assert (said in capsys.readouterr().err) == (last < 20)
  with contextlib.closing(Checkpoints(tmp_path / 'checkpoints')) as kept:
    # of 6 and 9, which have the same accuracy, that of the lower loss
    assert kept.best_step() == (6 if last < 20 else 18)


def test_the_same_score_at_a_lower_loss_is_better(tmp_path):
  patience = Patience(2, 10, tmp_path, 0)
  for step_, loss in ((10, 1.0), (20, 0.9), (30, 0.9), (40, 0.95)):
    assert not patience()
    patience.see(step_, {'accuracy': 0.5, 'loss': loss})
  assert patience()


@pytest.mark.parametrize('stops', [(5,), (9,), (1, 8, 11), (12,)])
def test_an_interrupted_run_stops_where_one_that_was_not_does(tmp_path, stops):
  whole, broken = tmp_path / 'whole', tmp_path / 'broken'
  expected = train(whole, 2)
  assert int(expected.step) == 12
  for at in stops:
    if at < 12:
      with pytest.raises(Stop):
        train(broken, 2, stop_at=at)
    else:
      train(broken, 2, stop_at=at)  # it never asks for batch 12
  same(expected, train(broken, 2))
  name = 'metrics.jsonl'
  assert (whole / name).read_bytes() == (broken / name).read_bytes()


def test_a_run_that_has_stopped_does_not_go_on(tmp_path):
  expected = train(tmp_path, 2)
  before = (tmp_path / 'metrics.jsonl').read_bytes()
  same(expected, train(tmp_path, 2, stop_at=12))
  assert (tmp_path / 'metrics.jsonl').read_bytes() == before


def test_what_was_recorded_after_the_checkpoint_does_not_count(tmp_path):
  """A kill between a validation and its checkpoint: it is done again."""
  train(tmp_path, 2)
  path = tmp_path / 'metrics.jsonl'
  rows = read_metrics(tmp_path)
  late = {'step': 30, 'validation': {'accuracy': 1.0, 'loss': 0.0}}
  path.write_text(''.join(json.dumps(r) + '\n' for r in [*rows, late]))
  assert Patience(2, 3, tmp_path, 12)()
  assert not Patience(2, 3, tmp_path, 9)()
