"""The differentiable search as a job: batches, devices, the choice at the
end."""

import json
from pathlib import Path

import numpy as np
import pytest

from mobilenet_jax.core.config import load_config
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.jobs import searching
from mobilenet_jax.jobs.checks import check_search
from mobilenet_jax.jobs.pricing import open_pricing
from mobilenet_jax.jobs.search import open_data
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.latency.tensors import space_keys
from mobilenet_jax.latency.timing import Timing
from mobilenet_jax.space import get_space
from tests.latency.toy import PROVENANCE

CONFIGS = Path(__file__).parents[2] / 'configs'


def config(*more, name='search_differentiable'):
  return load_config([f'--config={CONFIGS / name}.py:runlocal', *more])


@pytest.mark.slow
def test_it_finds_a_network_within_the_window_of_every_device(
  scenes, table, tmp_path, capsys
):
  space = get_space('v3_tiny', 32, 10)
  rows = {
    key: Timing(1.0 + key.kernel, std_ms=0.0, n=1)
    for key in space_keys(space.spec)
  }
  other = tmp_path / 'kernels.csv'
  LatencyTable(rows, PROVENANCE).save(other)
  found = config(
    scenes, f'--config.latency.table={table}',
    f"--config.latency.more=(('{other}', 22.0),)",
    '--config.data.train_split=train', '--config.data.test_split=test',
    '--config.data.held_out_split=validation',
  )  # fmt: skip
  check_search(found)
  pricing = open_pricing(found.latency, space, tmp_path)
  job = searching.SearchJob(
    found, space, pricing, open_data(found), tmp_path, None
  )
  vector = searching.find(job)
  assert pricing.of_vector(vector) == pytest.approx(pricing.target_ms, rel=0.2)
  assert pricing.more[0].of_vector(vector) == pytest.approx(22.0, rel=0.2)
  said = capsys.readouterr().err
  assert (
    '6 steps: the shared weights see 48 images, the architecture 32 held-out '
    'ones; every step takes all choices at once.'
  ) in said
  lines = (tmp_path / 'metrics.jsonl').read_text().splitlines()
  records = [json.loads(line) for line in lines]
  assert [r['step'] for r in records] == [1, 2, 3, 4, 5, 6]
  assert ['objective' in r for r in records] == [False] * 2 + [True] * 4
  assert list(records[-1]['latency_on']) == ['kernels']
  assert set(records[-1]['entropy']) == set(space.tags)
  assert all(np.isfinite(r['loss']) for r in records)
  assert searching.find(job) == vector  # nothing is left to do


def test_wrong_names_are_refused_with_the_right_ones(scenes):
  for more, says in (
    ('--config.search.penalty=ad', "Unknown search.penalty 'ad'. Did you mean"),
    ('--config.search.algorithm=diferentiable', "mean 'differentiable'"),
    ("--config.latency.more=('pixel1',)", 'latency.more has'),
    ('--config.search.temperature_last=0.0', 'it must be 0.001 to 1000'),
  ):  # fmt: skip
    with pytest.raises(UserError) as error:
      check_search(config(scenes, more))
    assert says in str(error.value)
  with pytest.raises(UserError, match=r"'mnasnet'\. Did you mean 'mnasnet_"):
    check_search(
      config(scenes, '--config.search.reward=mnasnet', name='quickstart')
    )


def test_logs_need_latencies_above_a_microsecond(scenes, table, tmp_path):
  space = get_space('v3_tiny', 32, 10)
  rows = {
    key: Timing(1e-5 * (1 + key.kernel), std_ms=0.0, n=1)
    for key in space_keys(space.spec)
  }
  fast = tmp_path / 'fast.csv'
  LatencyTable(rows, PROVENANCE).save(fast)
  found = config(
    scenes, '--config.search.penalty=multiply', f'--config.latency.table={fast}'
  )
  folder = tmp_path / 'run'
  folder.mkdir()
  pricing = open_pricing(found.latency, space, folder)
  job = searching.SearchJob(found, space, pricing, None, folder, None)
  with pytest.raises(UserError, match="'absolute' and 'add' take any"):
    searching.find(job)


def test_it_is_the_quickstart_but_for_the_algorithm():
  """What both configs say of the same thing is the same."""
  for variant in ('', ':runlocal'):
    ours, theirs = (
      load_config([f'--config={CONFIGS / name}.py{variant}']).to_dict()
      for name in ('search_differentiable', 'quickstart')
    )
    for part in ('seed', 'space', 'data', 'latency', 'train', 'compare'):
      assert ours[part] == theirs[part], part
    own = {'algorithm', 'learning_rate', 'warm_up', 'steps'}
    for name in set(ours['search']) & set(theirs['search']) - own:
      assert ours['search'][name] == theirs['search'][name], name
