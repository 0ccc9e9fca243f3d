"""`list` and `summary`: aligned, whole, and the same as their JSON."""

import json

import pytest

from mobilenet_jax import arch
from mobilenet_jax.cli.main import main
from mobilenet_jax.models import get_arch, get_model, list_models


def said(capsys, *argv):
  assert main(argv) == 0
  return capsys.readouterr().out


def test_list_names_every_model_with_its_published_accuracy(capsys):
  heads, *rows = said(capsys, 'list').splitlines()
  assert [row.split()[0] for row in rows] == list_models()
  assert max(map(len, rows)) <= 110
  end = heads.index('top-1') + len('top-1')
  for row in rows:
    assert row[end - 1] in '-0123456789'
    assert row[end : end + 2] == '  '
  v3 = next(row for row in rows if row.startswith('mobilenet_v3_small '))
  assert v3.split()[1:5] == ['224', '2,542,856', '56,510,400', '67.5']
  assert v3.endswith('arXiv 1905.02244 v5, Table 9')


def test_list_of_a_family_and_of_its_grid(capsys):
  found = json.loads(said(capsys, 'list', '--family=mobilenet_v2', '--json'))
  assert [row['name'] for row in found] == ['mobilenet_v2']
  grid = json.loads(
    said(capsys, 'list', '--family=mobilenet_v2', '--all', '--json')
  )
  assert len(grid) == 22
  assert grid[0] == found[0]
  text = said(capsys, 'list', '--family=mobilenet_v2', '--all')
  assert len(text.splitlines()) == 23
  narrow = next(line for line in text.splitlines() if ' x0.35   96 ' in line)
  assert narrow.split()[4:6] == ['11,934,128', '45.5']


def test_a_figure_at_another_resolution_names_it(capsys):
  text = said(capsys, 'list', '--family=squeezenet')
  row = next(line for line in text.splitlines() if 'bypass' in line)
  assert row.endswith('-  60.4 at 227 px, arXiv 1602.07360')
  rows = json.loads(said(capsys, 'list', '--family=squeezenet', '--json'))
  assert [r['top1'] for r in rows] == [58.092, None, 58.178]
  assert rows[1]['elsewhere']['resolution'] == 227
  assert rows[0]['elsewhere'] is None


def test_an_unknown_family_is_named(capsys):
  assert main(['list', '--family=mobilnet_v3']) == 2
  assert "Did you mean 'mobilenet_v3'?" in capsys.readouterr().err


@pytest.mark.parametrize('name', list_models())
def test_summary_is_aligned_and_adds_up(name, capsys):
  side = get_model(name).resolution + 32
  *lines, spec = said(
    capsys, 'summary', name, f'--resolution={side}'
  ).splitlines()
  heads, *rows, total = lines
  expected = get_arch(name, resolution=side)
  assert spec == arch.to_string(expected)
  assert len(rows) == len(arch.layers(expected))
  assert {len(line) for line in lines} == {len(heads)}
  assert len(heads) <= 110
  macs = sum(int(row.split()[-1].replace(',', '')) for row in rows)
  assert total.split()[0] == 'total'
  assert int(total.split()[-1].replace(',', '')) == macs


def test_summary_shows_groups(capsys):
  lines = said(capsys, 'summary', 'shufflenet_v1_g3').splitlines()
  expand = next(line for line in lines if line.startswith('block_03/expand '))
  assert expand.split()[1:5] == ['1/1', '3', '28x28x60', '28x28x240']
