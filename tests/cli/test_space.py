"""`space`: what is told of a space, and the picture of it."""

import json
import subprocess
import sys

import pytest
from PIL import Image

from mobilenet_jax.arch import count, from_string
from mobilenet_jax.cli.main import main
from mobilenet_jax.latency.tensors import space_keys
from mobilenet_jax.report.space_drawing import draw_space
from mobilenet_jax.space import get_space, list_spaces
from tests.latency.toy import toy_table

OWN = """
from mobilenet_jax.arch import ArchSpec, Conv, Dense, Pool, one_of

def get_space(resolution, num_classes):
  stem = Conv(kernel=3, stride=2, channels=one_of('width', 8, 16))
  blocks = (stem, Pool(), Dense(channels=num_classes))
  return ArchSpec(name='mine', resolution=resolution, blocks=blocks)
"""


def said(capsys, *argv):
  assert main(['space', *argv]) == 0
  return capsys.readouterr().out


def mistake(capsys, *argv):
  assert main(['space', *argv]) == 2
  out, err = capsys.readouterr()
  assert out == ''
  assert len(err.strip().splitlines()) == 1
  return err


def test_all_spaces_are_listed(capsys):
  heads, *rows = said(capsys).splitlines()
  assert heads.split() == ['space', 'px', 'size', 'decisions']
  assert [row.split()[0] for row in rows] == list_spaces()
  found = {row.split()[0]: row.split()[1:] for row in rows}
  assert found['v3_tiny'] == ['32', '512', '9']
  assert found['proxylessnas_enlarged'] == ['224', '1.4e28', '67']
  assert found['ofa_mobilenet_v3'] == ['224', '7.4e22', '46']
  told = json.loads(said(capsys, '--json'))
  assert [row['name'] for row in told] == list_spaces()
  assert told[-1]['size'] == 512


@pytest.mark.parametrize('name', ['mnasnet', 'fbnet', 'ofa_mobilenet_v3'])
def test_a_space_is_described(capsys, name):
  found = json.loads(said(capsys, name, '--classes=10', '--json'))
  space = get_space(name, None, 10)
  assert found['size'] == space.size
  sizes = {tag: len(words) for tag, words in found['decisions'].items()}
  assert sizes == space.decisions
  for end, vector in (
    ('smallest', space.smallest()), ('largest', space.largest()),
  ):  # fmt: skip
    network = from_string(found[end]['arch'])
    assert network == space.decode(vector, end)
    totals = count(network)
    assert found[end]['params'] == totals.params
    assert found[end]['macs'] == totals.macs
  text = said(capsys, name, '--classes=10')
  assert f'{found["largest"]["macs"]:,}' in text
  assert max(map(len, text.splitlines())) <= 110


def test_decisions_are_told_in_words(capsys):
  words = json.loads(said(capsys, 'ofa_mobilenet_v3', '--json'))['decisions']
  assert words['stage1/depth'] == ['+0', '+1', '+2']
  assert words['stage1/block1/kernel'] == ['3', '5', '7']
  assert words['resolution'][0] == '128'
  words = json.loads(said(capsys, 'fbnet', '--json'))['decisions']
  assert words['stage2/block1/op'][0] == 'k3 e1'
  assert words['stage2/block2/op'][0] == 'nothing'
  words = json.loads(said(capsys, 'mnasnet', '--json'))['decisions']
  assert words['stage3/op'] == ['conv', 'ds', 'ir e3', 'ir e6']
  assert words['stage3/layers'] == ['+0', '+1', '+2']
  text = said(capsys, 'mobilenet_v3_like')
  line = next(r for r in text.splitlines() if r.startswith('keep'))
  assert line.split('  ')[-1] == 'stem/block1, stage1-5/block2-4'


def test_coverage_by_a_table(capsys, tmp_path):
  path = tmp_path / 'toy.csv'
  wanted = space_keys(get_space('v3_tiny', 32, 1000).spec)
  toy_table(wanted).save(path)
  text = said(capsys, 'v3_tiny', f'--table={path}')
  assert 'has 41 of 41 blocks; networks take ' in text
  assert text.endswith(' ms.\n')
  toy_table(wanted[1:]).save(path)
  text = said(capsys, 'v3_tiny', f'--table={path}')
  assert 'has 40 of 41 blocks; networks take ' not in text
  assert 'has 40 of 41 blocks.\nMissing: 1 conv; such as' in text
  assert str(wanted[0]) in text
  found = json.loads(said(capsys, 'v3_tiny', f'--table={path}', '--json'))
  assert found['coverage']['known'] == 40
  assert found['coverage']['fastest_ms'] is None
  known = [key for key in wanted if key != wanted[9]]
  assert wanted[9].kind == 'ir'
  toy_table(known).save(path)
  text = said(capsys, 'v3_tiny', f'--table={path}')
  assert ' ms, missing blocks estimated.\nMissing: 1 ir; such as' in text


@pytest.mark.parametrize('name', ['mnasnet', 'mobilenet_v4', 'fbnet'])
def test_the_picture(tmp_path, name):
  path = tmp_path / 'space.png'
  draw_space(get_space(name, None, 1000), str(path))
  with Image.open(path) as image:
    assert image.format == 'PNG'
    assert 1000 < image.width < 4000
    assert 500 < image.height < 4000
    assert len(set(image.convert('RGB').resize((90, 90)).getdata())) > 30


def test_a_space_of_ones_own(capsys, tmp_path):
  path = tmp_path / 'mine.py'
  path.write_text(OWN)
  drawn = tmp_path / 'mine.png'
  text = said(capsys, str(path), '--resolution=32', f'--draw={drawn}')
  assert text.startswith('mine: 2 choice vectors of 1 decisions')
  assert drawn.exists()
  path.write_text(OWN.replace('8, 16', ''))
  err = mistake(capsys, str(path))
  assert err == (
    f'mobilenet-jax: {path}: mine, block 0: channels has no choices.\n'
  )


@pytest.mark.parametrize(
  ('argv', 'says'),
  [
    (['v3_tinny'], "Did you mean 'v3_tiny'"),
    (['nowhere.py'], "No such file 'nowhere.py'"),
    (['v3_tiny', '--table=none.csv'], 'Cannot read latency table none.csv'),
    (['v3_tiny', '--draw=picture.txt'], 'must end in .png'),
    (['v3_tiny', '--resolution=0'], 'resolution 0'),
    (['v3_tiny', '--classes=0'], 'number of classes 0'),
    (['--table=x.csv'], '--table needs the name of a space'),
  ],
)
def test_mistakes(capsys, argv, says):
  assert says in mistake(capsys, *argv)


def test_no_jax_is_imported():
  code = (
    'import sys; from mobilenet_jax.cli.main import main\n'
    'main(["space", "v3_tiny"])\n'
    'sys.exit(bool({"jax", "matplotlib"} & set(sys.modules)))'
  )
  done = subprocess.run([sys.executable, '-c', code], capture_output=True)
  assert done.returncode == 0
