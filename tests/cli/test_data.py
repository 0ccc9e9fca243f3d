"""`mobilenet-jax data check`, as a user runs it."""

import json
import subprocess
import sys

import pytest
from PIL import Image

from mobilenet_jax.cli.main import main
from tests.data.pictures import fill


@pytest.fixture
def flowers(tmp_path):
  """Two classes of twenty images."""
  for k, name in enumerate(('daisy', 'tulip')):
    fill(tmp_path / 'flowers' / name, 20, first=50 * k)
  return tmp_path / 'flowers'


def check(capsys, *argv):
  status = main(['data', 'check', *map(str, argv)])
  out, err = capsys.readouterr()
  return status, out, err


def test_a_sound_folder(capsys, flowers, tmp_path):
  out_dir = tmp_path / 'out'
  status, out, err = check(capsys, f'folder:{flowers}', '--out', out_dir)
  assert status == 0, err
  lines = out.splitlines()
  assert lines[0] == f'folder:{flowers}: 2 classes, 40 images'
  assert lines[2].split('  ')[0] == 'train'
  assert [line.split() for line in lines[6:9]] == [
    ['class', 'train', 'validation', 'test'],
    ['daisy', '16', '2', '2'],
    ['tulip', '16', '2', '2'],
  ]
  assert lines[-1] == f'samples: {out_dir}/samples.png'
  assert 'reading train: 32/32' in err
  assert 'problems' not in out and 'broken: ' not in out


def test_problems_are_listed_and_give_status_1(capsys, flowers):
  (flowers / 'daisy' / '3.png').write_text('no picture')
  (flowers / 'daisy' / '4\x1b[2J.png').write_bytes(b'')
  for name in ('a', 'b'):
    Image.new('RGB', (9, 9), 'red').save(flowers / 'tulip' / f'{name}.png')
  fill(flowers / 'Daisy', 4, first=300)
  status, out, err = check(capsys, f'folder:{flowers}')
  assert status == 1
  assert err.splitlines()[-1].startswith(f'mobilenet-jax: folder:{flowers} has')
  assert 'broken: 2\n' in out
  assert f'  {flowers}/daisy/3.png is no image' in out
  assert '\x1b' not in out and '4?[2J.png' in out
  assert 'the same pixels: 1\n' in out
  assert "classes 'Daisy' and 'daisy' look alike" in out
  assert 'problems: ' in out


def test_json_is_one_document(capsys, flowers):
  status, out, _ = check(
    capsys, f'folder:{flowers}', '--split=val', '--split=test[:50%]', '--json'
  )
  assert status == 0
  found = json.loads(out)
  assert found['source'] == f'folder:{flowers}'
  assert found['class_names'] == ['daisy', 'tulip']
  assert [row['images'] for row in found['splits'].values()] == [4, 2]


@pytest.mark.parametrize(
  ('argv', 'says'),
  [
    (['data', 'chekc'], "Unknown command data 'chekc'. Did you mean 'check'?"),
    (['data', 'check'], 'source'),
    (['data', 'check', 'folder:none_such'], "no folder 'none_such'"),
    (['data', 'check', 'folder:'], 'names no folder'),
  ],
)
def test_mistakes(capsys, argv, says, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  assert main(argv) == 2
  out, err = capsys.readouterr()
  assert out == ''
  (line,) = err.splitlines()
  assert says in line


def test_no_jax_is_needed(flowers, tmp_path):
  code = (
    'import sys; from mobilenet_jax.cli.main import main\n'
    f'status = main(["data", "check", "folder:{flowers}", "--out=o"])\n'
    'assert not {"jax", "tensorflow"} & set(sys.modules)\n'
    'sys.exit(status)'
  )
  done = subprocess.run(
    [sys.executable, '-c', code], cwd=tmp_path, capture_output=True, text=True
  )
  assert done.returncode == 0, done.stderr
  assert (tmp_path / 'o' / 'samples.png').exists()
