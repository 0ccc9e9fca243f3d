"""Rounding, files that are whole or absent, and progress off a terminal."""

import errno
import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilenet_jax.core import files, progress
from mobilenet_jax.core.config import differences
from mobilenet_jax.core.errors import UserError, did_you_mean
from mobilenet_jax.core.registry import Registry
from mobilenet_jax.core.rounding import make_divisible


@given(st.floats(0.1, 5000), st.sampled_from([4, 8, 16]))
def test_make_divisible_keeps_90_percent_and_is_near(value, divisor):
  made = make_divisible(value, divisor)
  assert made % divisor == 0
  assert made >= 0.9 * value
  assert made <= max(value + divisor, divisor)


@pytest.mark.parametrize(
  ('value', 'made'),
  [(1, 8), (11, 16), (12, 16), (20, 24), (24.5, 24), (18, 24)],
)
def test_make_divisible_is_that_of_slim(value, made):
  assert make_divisible(value) == made


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
  path = tmp_path / 'a.json'
  files.write_json(path, {'a': 1})
  with pytest.raises(TypeError):
    files.write_json(path, {'a': object()})
  with pytest.raises(ValueError):
    files.write_json(path, {'a': float('nan')})
  with pytest.raises(TypeError):
    files.write_bytes(path, 'not bytes')  # fails in the middle of writing
  assert json.loads(path.read_text()) == {'a': 1}
  assert [p.name for p in tmp_path.iterdir()] == ['a.json']


def test_a_full_disk_is_no_mistake_of_the_user(tmp_path, monkeypatch):
  def full(handle):
    raise OSError(errno.ENOSPC, 'No space left on device')

  monkeypatch.setattr(files.os, 'fsync', full)
  with pytest.raises(OSError, match='No space left') as caught:
    files.write_text(tmp_path / 'a.txt', 'x')
  assert not isinstance(caught.value, UserError)
  assert not list(tmp_path.iterdir())


def test_reading_says_what_is_wrong(tmp_path):
  with pytest.raises(UserError, match='No such file'):
    files.read_json(tmp_path / 'none.json')
  (tmp_path / 'cut.json').write_text('{"a": ')
  with pytest.raises(UserError, match=r'cut\.json is not valid JSON'):
    files.read_json(tmp_path / 'cut.json')
  (tmp_path / 'large.json').write_bytes(b' ' * (1 << 20) + b'1')
  with pytest.raises(UserError, match='larger than 1 MB'):
    files.read_json(tmp_path / 'large.json', limit_mb=1)
  with pytest.raises(UserError, match='Cannot write'):
    files.write_text(tmp_path / 'no' / 'folder', 'x')


def test_differences_name_the_field_and_both_values():
  a = {'x': {'y': 1, 'z': [1, 2]}, 'same': 3}
  b = {'x': {'y': 2, 'z': [1, 2]}, 'same': 3, 'new': None}
  assert differences(a, b) == ['x.y: 1 / 2']
  assert differences(a, a) == []


def test_registry_suggests_and_refuses_a_second_of_a_name():
  things = Registry('thing')
  things.register('apple')(1)
  with pytest.raises(UserError, match=r"Unknown thing 'aple'.*'apple'"):
    things['aple']
  with pytest.raises(KeyError, match='twice'):
    things.register('apple')(2)
  assert 'Known: apple.' in did_you_mean('zzzzz', things)


def test_progress_is_plain_lines_off_a_terminal(capsys, monkeypatch):
  monkeypatch.setattr(progress, 'SECONDS_BETWEEN_LINES', 0.0)
  with progress.progress('counting', 3) as bar:
    bar.advance(1, 'first')
    bar.advance(2)
  out, err = capsys.readouterr()
  assert out == ''
  lines = err.splitlines()
  assert lines[0].startswith('  counting: 1/3, 0 s, 0 s left, first')
  assert lines[-1].startswith('  counting: 3/3 in 0.')
  assert '\x1b' not in err


def test_the_time_left_does_not_count_what_the_first_step_compiled(
  capsys, monkeypatch
):
  moments = iter([0.0, 60.0, 60.0, 62.0, 70.0])
  clock = SimpleNamespace(monotonic=lambda: next(moments))
  monkeypatch.setattr(progress, 'time', clock)
  bar = progress.Progress('training', 105, resumed=5)
  bar.advance(1)  # after a minute
  bar.advance(1, 'loss 1.000, 8 images/s')  # 2 s later
  bar.advance(4)
  lines = capsys.readouterr().err.splitlines()
  assert lines == [
    '  training: 6/105, 60 s, 5940 s left, resumed',
    '  training: 11/105, 70 s, 188 s left, loss 1.000, 8 images/s',
  ]
