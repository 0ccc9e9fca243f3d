"""Every search with shared weights, over operations and (but for one) a
resolution, as a job."""

import json
import shutil
from pathlib import Path

import pytest

from mobilenet_jax.arch import count, one_of
from mobilenet_jax.core.config import load_config
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.jobs import differentiable, sandwich, searching
from mobilenet_jax.jobs.pricing import open_pricing
from mobilenet_jax.jobs.search import open_data
from mobilenet_jax.latency.tensors import space_keys
from tests.latency.toy import toy_table
from tests.supernet.toys import brief

CONFIGS = Path(__file__).parents[2] / 'configs'
SIDES = one_of('resolution', 24, 32)
SHARING = {'quickstart': SIDES, 'search_sandwich': SIDES,
           'search_differentiable': 32}  # fmt: skip


def config_of(name, *more):
  return load_config([f'--config={CONFIGS / name}.py:runlocal', *more])


def job_of(name, folder, scenes):
  space = brief(SHARING[name])
  table = folder.parent / f'{name}.csv'
  toy_table(space_keys(space.spec)).save(table)
  config = config_of(
    name, scenes, f'--config.latency.table={table}',
    '--config.latency.tolerance=0.5', '--config.data.train_split=train',
    '--config.data.test_split=test', '--config.data.held_out_split=validation',
  )  # fmt: skip
  searching.check_space(config, space)
  folder.mkdir()
  pricing = open_pricing(config.latency, space, folder)
  data = open_data(config)
  return searching.SearchJob(config, space, pricing, data, folder, None)


@pytest.mark.slow
@pytest.mark.parametrize('name', SHARING)
def test_it_finds_a_network_and_goes_on_exactly(name, scenes, tmp_path):
  job = job_of(name, tmp_path / 'whole', scenes)
  found = searching.find(job)
  assert 0.5 <= job.pricing.of_vector(found) / job.pricing.target_ms <= 1.5
  lines = (job.folder / 'metrics.jsonl').read_bytes()
  assert [json.loads(line)['step'] for line in lines.splitlines()] == [
    1, 2, 3, 4, 5, 6,
  ]  # fmt: skip
  if name == 'search_sandwich':
    known = json.loads((job.folder / 'inherited.json').read_text())
    side = job.space.resolution_of(found)
    assert known['arch'].startswith(f'found@{side} ')
  if name != 'quickstart':  # whose resolutions depend on its state
    return
  again = job_of(name, tmp_path / 'again', scenes)
  saved = 'checkpoints/3'  # as if killed after it
  shutil.copytree(job.folder / saved, again.folder / saved)
  (again.folder / 'metrics.jsonl').write_bytes(
    b''.join(lines.splitlines(keepends=True)[:4])
  )
  assert searching.find(again) == found
  assert (again.folder / 'metrics.jsonl').read_bytes() == lines
  evidence = [j.folder / 'evidence.json' for j in (job, again)]
  assert evidence[0].read_bytes() == evidence[1].read_bytes()


def test_what_cannot_be_searched_is_refused_before_it_starts():
  space = brief(SIDES)
  with pytest.raises(UserError) as error:
    searching.check_space(config_of('search_differentiable'), space)
  assert str(error.value) == (
    'brief searches its resolution, and what choices make is mixed, which has '
    'to be of one size; give the space one resolution, or search it by '
    "'tunas', 'sandwich' or 'trials'."
  )
  two = config_of('search_sandwich', '--config.search.resolutions=(24, 32)')
  with pytest.raises(UserError, match=r'is \(24, 32\), but brief searches'):
    searching.check_space(two, space)


def test_a_differentiable_search_costs_what_all_operations_do():
  config = config_of('search_differentiable')
  space = brief(32)
  largest, *_, least = sorted(
    (count(space.decode((op, 1, 1))).macs for op in range(3)), reverse=True
  )  # of the last operation, nothing
  both = sum(count(space.decode((op, 1, 1))).macs for op in (0, 1)) - least
  seen = (
    differentiable.images(config, space)
    - config.search.candidates * config.search.candidate_images / 3
  )
  mean = searching.beside_mean(space, space.largest())
  images = 6 * config.search.batch + 4 * config.search.held_out_batch
  assert seen == pytest.approx(images * mean * both / largest)
  assert both > 1.2 * largest


def test_a_sandwich_costs_what_its_resolutions_do():
  """Not what the largest does at the largest."""
  config = config_of('search_sandwich')
  one, two = (sandwich.images(config, brief(side)) for side in (32, SIDES))
  assert two == pytest.approx(one, rel=0.1)
