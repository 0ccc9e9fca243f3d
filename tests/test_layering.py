"""Imports go down only: the map in mobilenet_jax/README.md, enforced."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mobilenet_jax

ROOT = Path(mobilenet_jax.__file__).parent
LAYERS = {
  6: {'cli'},
  5: {'jobs'},
  4: {'search', 'measure', 'report'},
  3: {'supernet', 'train', 'tasks', 'export'},
  2: {'models', 'space', 'latency', 'data'},
  1: {'nn', 'arch'},
  0: {'core'},
}
SIDEWAYS = {
  ('supernet', 'train'), ('tasks', 'train'), ('nn', 'arch'), ('models', 'data'),
}  # fmt: skip
LAYER = {room: layer for layer, rooms in LAYERS.items() for room in rooms}
LINEN = {'nn', 'models', 'supernet', 'tasks'}
NO_JAX = {
  'arch', 'space', 'report', 'latency', 'data', 'core', 'models.registry',
  'models.find', 'search.benchmark', 'cli.list', 'cli.summary', 'cli.main',
  'cli.space', 'jobs.spaces', 'supernet.support',
}  # fmt: skip
FILES = sorted(path for path in ROOT.rglob('*.py') if path.parent != ROOT)


def imports(path: Path, *, top_level_only: bool = False) -> set[str]:
  tree = ast.parse(path.read_text())
  nodes = tree.body if top_level_only else ast.walk(tree)
  found = set()
  for node in nodes:
    if isinstance(node, ast.Import):
      found |= {alias.name for alias in node.names}
    elif isinstance(node, ast.ImportFrom):
      assert not node.level, f'{path}: a relative import'
      found |= {f'{node.module}.{alias.name}' for alias in node.names}
  return found


def room_of(path: Path) -> str:
  return path.relative_to(ROOT).parts[0]


def test_every_room_has_a_layer_and_a_place_on_the_map():
  rooms = {room_of(path) for path in FILES}
  assert rooms == set(LAYER)
  text = (ROOT / 'README.md').read_text()
  rows = [line for line in text.splitlines() if line.startswith('| ')]
  on_map = {}
  for row in rows:
    layer, room = (cell.strip(' `/') for cell in row.split('|')[1:3])
    if layer.isdigit():
      on_map[room] = int(layer)
  assert on_map == LAYER


@pytest.mark.parametrize('path', FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_down(path):
  here = room_of(path)
  for name in imports(path):
    parts = name.split('.')
    if parts[0] in ('configs', 'experiments', 'launch', 'tests'):
      pytest.fail(f'{path} imports {name}')
    if parts[0] != 'mobilenet_jax' or len(parts) < 2 or parts[1] not in LAYER:
      continue
    there = parts[1]
    allowed = (
      there == here or LAYER[there] < LAYER[here] or (here, there) in SIDEWAYS
    )
    assert allowed, f'{path} ({here}) imports {name}'


@pytest.mark.parametrize('path', FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_linen_and_tensorflow_stay_where_they_belong(path):
  if room_of(path) not in LINEN:
    assert not any(name.startswith('flax.linen') for name in imports(path)), (
      f'{path} imports Linen'
    )
  top = {name.split('.')[0] for name in imports(path, top_level_only=True)}
  assert 'tensorflow' not in top
  reads_checkpoints = path.parts[-2:] == ('pretrained', 'checkpoint.py')
  if room_of(path) != 'export' and not reads_checkpoints:
    everywhere = {name.split('.')[0] for name in imports(path)}
    assert 'tensorflow' not in everywhere


def test_rooms_without_jax_import_none():
  modules = [f'mobilenet_jax.{name}' for name in sorted(NO_JAX)]
  for path in FILES:
    jax_inside = path.stem == 'ingraph' or room_of(path) == 'data'
    if room_of(path) in NO_JAX and not jax_inside:
      parts = path.relative_to(ROOT.parent).with_suffix('').parts
      modules.append('.'.join(parts).removesuffix('.__init__'))
  code = (
    f'import importlib, sys\n'
    f'for name in {modules}:\n'
    f'  importlib.import_module(name)\n'
    f'  assert not {{"jax", "tensorflow"}} & set(sys.modules), name\n'
  )
  subprocess.run([sys.executable, '-c', code], check=True)


def test_the_package_itself_is_light():
  code = (
    'import sys, mobilenet_jax as m\n'
    'm.count(m.get_arch("mobilenet_v3_small")); m.LatencyTable\n'
    'assert "jax" not in sys.modules'
  )
  subprocess.run([sys.executable, '-c', code], check=True)
