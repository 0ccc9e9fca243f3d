"""`mobilenet-jax experiment`."""

import pytest

from mobilenet_jax.cli import experiment
from mobilenet_jax.cli.main import main


@pytest.fixture
def folder(monkeypatch, tmp_path):
  for name, text in (
    ('fine', 'import sys; print(sys.argv[1:])'),
    ('broken', 'raise SystemExit(3)'),
    ('notes', None),
  ):
    (tmp_path / name).mkdir()
    if text:
      (tmp_path / name / 'run.py').write_text(text)
  monkeypatch.setattr(experiment, 'FOLDER', tmp_path)
  return tmp_path


def test_it_runs_with_the_other_arguments(folder, capfd):
  assert main(['experiment', 'fine', '--peers', 'x y']) == 0
  assert "['--peers', 'x y']" in capfd.readouterr().out
  assert main(['experiment']) == 0
  text = capfd.readouterr().out
  assert 'broken, fine' in text and 'notes' not in text


def test_what_is_wrong_is_one_sentence(folder, capfd, monkeypatch):
  assert main(['experiment', 'fin']) == 2
  assert "Did you mean 'fine'" in capfd.readouterr().err
  assert main(['experiment', 'broken']) == 1
  assert 'ended with status 3' in capfd.readouterr().err
  monkeypatch.setattr(experiment, 'FOLDER', folder / 'none')
  assert main(['experiment', 'fine']) == 2
  assert 'clone the repository' in capfd.readouterr().err


def test_the_ones_that_are_there_tell_their_arguments(capfd):
  if not experiment.FOLDER.exists():
    pytest.skip('not a checkout')
  assert main(['experiment', 'speed', '--help']) == 0
  assert '--peers' in capfd.readouterr().out
