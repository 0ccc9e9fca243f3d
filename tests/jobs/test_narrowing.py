"""MobileNetV3's recipe as a user runs it: a search, NetAdapt, a training from
scratch, the export; killed (SIGKILL), moved and resumed."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from ml_collections import ConfigDict

from mobilenet_jax.arch import from_json
from mobilenet_jax.cli.main import main
from mobilenet_jax.core.config import load_config
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.jobs.checks import check_search
from mobilenet_jax.jobs.refine_log import read_log
from mobilenet_jax.jobs.searching import narrowing_images, search_images
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.latency.tensors import space_keys
from mobilenet_jax.models.widths import widths
from mobilenet_jax.space import get_space
from tests.latency.toy import toy_table

CONFIG = '--config=configs/search_v3.py:digits,runlocal'
# one block with decisions, which compiles soon; the table has no network to
# compare with
SPACE = """
from mobilenet_jax.arch import (
  ArchSpec, Conv, Dense, InvertedResidual, Pool, one_of
)

def get_space(resolution, num_classes):
  return ArchSpec(
    name='own',
    resolution=resolution,
    blocks=(
      Conv(kernel=3, stride=2, channels=8, activation='relu'),
      InvertedResidual(
        kernel=one_of('kernel', 3, 5),
        expand_ratio=one_of('expand', 2, 3, 4, 5, 6),
        channels=one_of('width', 8, 16, 24, 32),
        stride=2,
        activation='relu',
      ),
      Conv(kernel=1, channels=32, activation='relu'),
      Pool(),
      Dense(channels=num_classes),
    ),
  )
"""
EXACT = [
  'arch.json', 'seed_arch.json', 'metrics.jsonl', 'evidence.json',
  'contenders.json', 'latency.csv', 'predictions.json', 'model.tflite',
  'refined/config.json', 'refined/seed.json', 'refined/proposals.jsonl',
  'refined/way.json', 'contenders/seed/result.json',
  'contenders/found/result.json', 'contenders/random_0/result.json',
]  # fmt: skip  # the same bytes however often a run was stopped, and wherever


@pytest.fixture(scope='module')
def begin(request, scenes, tmp_path_factory):
  """Starts a run, in this process or in one of its own."""

  place = tmp_path_factory.mktemp('space')
  (place / 'own.py').write_text(SPACE)
  table = toy_table(space_keys(get_space(f'{place}/own.py', 32, 10).spec))
  table.save(place / 'toy.csv')

  def start(folder, *, apart):
    command = [
      'search', CONFIG, scenes, f'--config.space={place / "own.py"}',
      f'--config.latency.table={place / "toy.csv"}',
      f'--workdir={folder}',
      '--config.refine.delta=0.06',
    ]  # fmt: skip
    if not apart:
      return main(command)
    return subprocess.Popen(
      [sys.executable, '-m', 'mobilenet_jax', *command],
      cwd=request.config.rootpath, stdout=subprocess.PIPE,
      stderr=subprocess.PIPE, text=True,
    )  # fmt: skip

  with pytest.MonkeyPatch.context() as patch:
    patch.chdir(request.config.rootpath)
    yield start


@pytest.fixture(scope='module')
def finished(begin, tmp_path_factory):
  folder = tmp_path_factory.mktemp('runs') / 'whole'
  assert begin(folder, apart=False) == 0
  return folder


def read(path):
  return json.loads(path.read_text())


@pytest.mark.slow
def test_the_seed_is_narrowed_to_the_target(finished):
  results, way = (
    read(finished / name) for name in ('results.json', 'refined/way.json')
  )
  target = results['target_ms']
  aim = read(finished / 'evidence.json')['aim_ms']
  assert aim == pytest.approx(1.25 * target)
  seed = from_json(read(finished / 'seed_arch.json'))
  found = from_json(read(finished / 'arch.json'))
  price = lambda spec: (
    LatencyTable.load(finished / 'latency.csv').predict(spec, 'interpolate').ms
  )
  assert price(seed) == pytest.approx(aim, rel=0.1)
  assert price(found) == way['priced_ms'] <= target < price(seed)
  assert all(
    a.channels <= b.channels
    for a, b in zip(widths(found), widths(seed), strict=True)
  )
  (own,) = [row for row in results['contenders'] if row['role'] == 'found']
  assert own['priced_ms'] == way['priced_ms']
  # from scratch: not by the weights that it was refined to
  assert 'start' not in read(finished / 'contenders/found/result.json')
  assert 'From the seed to the target' in (finished / 'report.html').read_text()


@pytest.mark.slow
def test_the_cost_is_not_less_than_what_was_spent(finished):
  """The seed's 4 steps of 16, and of every proposal 2 of 16 and its judging."""
  told = read(finished / 'results.json')['cost']
  tuned = sum('proposal' in row for row in read_log(finished / 'refined'))
  images = 10  # a tenth of the short validation split
  spent = 4 * 16 + tuned * (2 * 16 + images / 3)
  assert spent <= told['narrowing'] < told['search']


def test_narrowing_costs_as_much_more_as_it_is_said_to():
  """2 iterations at most: 1 - 1 / 1.25 of the latency, a tenth a time."""
  config = load_config([CONFIG])
  space = get_space('v3_tiny', 32, 10)
  narrowing = narrowing_images(config, space)
  groups = (narrowing - 4 * 16) / (2 * (2 * 16 + 100 / 3))
  fewest, most = (
    len(widths(space.decode(vector)))
    for vector in (space.smallest(), space.largest())
  )
  assert min(fewest, most) <= groups <= max(fewest, most)
  alone = ConfigDict(config.to_dict())
  del alone['refine']
  more = search_images(config, space) - search_images(alone, space)
  assert more == pytest.approx(narrowing)
  assert narrowing_images(alone, space) == 0


@pytest.mark.parametrize(
  ('override', 'says'),
  [
    ('held_out_images=0', 'held_out_images is 0; it must be 1 or more'),
    (
      'seed_ratio=1.05',
      r'refine.seed_ratio is 1.05; a seed that is 10% faster',
    ),
  ],
)
def test_what_cannot_be_is_told_before(override, says):
  config = load_config([CONFIG, f'--config.refine.{override}'])
  with pytest.raises(UserError, match=says):
    check_search(config)


@pytest.mark.slow
def test_a_run_that_is_killed_and_moved_ends_the_same(
  finished, begin, tmp_path
):
  place, moments = tmp_path / 'first', (
    'contenders/seed/checkpoints/2',  # in the middle of the seed's training
    'refined/refining/1',  # settled, not yet logged
  )  # fmt: skip
  for moment in moments:
    process = begin(place, apart=True)
    while not (place / moment).exists():
      assert process.poll() is None, process.communicate()[1]
      time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, f'ended before {moment}'
    assert not (place / 'arch.json').exists()
    place = place.rename(tmp_path / f'after-{moment.split("/")[0]}')
  assert begin(os.path.relpath(place), apart=False) == 0
  for name in EXACT:
    assert (finished / name).read_bytes() == (place / name).read_bytes(), name
