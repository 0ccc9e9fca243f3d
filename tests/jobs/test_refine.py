"""`refine`, as a user runs it, on a tiny network and a toy table."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from mobilenet_jax.arch import from_json, from_string, to_string
from mobilenet_jax.cli.main import main
from mobilenet_jax.core.config import load_config
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.jobs import evaluating, trained, training
from mobilenet_jax.jobs.network_prices import NetworkPrices
from mobilenet_jax.jobs.refine_defaults import completed, refine_config
from mobilenet_jax.jobs.refine_log import RefineLog, read_log
from mobilenet_jax.jobs.subjects import from_run
from mobilenet_jax.latency.key import keys
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.models.widths import narrowest, widths, with_widths
from tests.latency.toy import toy_table

NETWORK = (
  'tiny@32 conv_k3_s2_c16_re ir_k3_s2_e3_c24_re ir_k3_e2_c24_se0.25_re '
  'conv_k1_c32_re pool dense_c10_li'
)
SAME = ('arch.json', 'proposals.jsonl', 'result.json', 'metrics.jsonl')


@pytest.fixture(scope='module')
def toy(tmp_path_factory):
  """A table of some of the networks that a refinement asks for."""
  seed = from_string(NETWORK)
  some = [seed, narrowest(seed)]
  for width in widths(seed):
    some += [with_widths(seed, {width.name: n}) for n in width.fewer[::2]]
  path = tmp_path_factory.mktemp('table') / 'toy.csv'
  toy_table(dict.fromkeys(k for spec in some for k in keys(spec))).save(path)
  return path


@pytest.fixture(scope='module')
def seed(scenes, tmp_path_factory):
  """The run folder of the trained seed."""
  folder = tmp_path_factory.mktemp('runs') / 'seed'
  config = load_config(
    ['--config=configs/digits.py:runlocal', scenes,
     f'--config.model.name={NETWORK}', '--config.train.steps=40',
     '--config.train.save_every=40']
  )  # fmt: skip
  training.run(config, str(folder))
  return folder


def arguments(seed, toy, scenes, *more):
  table = LatencyTable.load(toy)
  target = 0.8 * table.price(from_string(NETWORK))
  return [
    '--config=configs/refine.py:runlocal', scenes, f'--weights={seed}',
    f'--config.latency.table={toy}', f'--target_ms={target}',
    '--config.refine.delta=0.08', '--config.data.train_split=train',
    '--config.data.held_out_split=validation', '--config.data.test_split=test',
    *more,
  ]  # fmt: skip


@pytest.fixture(scope='module')
def finished(seed, toy, scenes, tmp_path_factory):
  folder = tmp_path_factory.mktemp('runs') / 'whole'
  assert main(
    ['refine', *arguments(seed, toy, scenes, f'--workdir={folder}')]
  ) == 0  # fmt: skip
  return folder


def test_the_log_tells_every_proposal_and_leads_to_the_result(finished, toy):
  rows = read_log(finished)
  table = LatencyTable.load(toy)
  spec = from_string(NETWORK)
  price = lambda spec: table.predict(spec, 'interpolate').ms
  first, *rest = rows
  ms = first['ms']
  assert (first['iteration'], ms) == (0, price(spec))
  iterations = [row for row in rest if 'chosen' in row]
  assert [row['iteration'] for row in iterations] == [
    i + 1 for i in range(len(iterations))
  ]
  for end in iterations:
    tried = [
      row for row in rest
      if row['iteration'] == end['iteration'] and 'proposal' in row
    ]  # fmt: skip
    assert [row['proposal'] for row in tried] == list(range(len(tried)))
    assert len(tried) > 1
    now = {width.name: width.channels for width in widths(spec)}
    for row in tried:
      assert row['before'] == now[row['shrank']] > row['after']
      narrower = with_widths(spec, {row['shrank']: row['after']})
      assert row['ms'] == pytest.approx(price(narrower))
      assert row['ms'] <= ms - 0.08 * first['ms']
    chosen = tried[end['chosen']]
    assert chosen['score'] == max(row['score'] for row in tried)
    assert (end['ms'], end['accuracy']) == (chosen['ms'], chosen['accuracy'])
    spec = with_widths(spec, {chosen['shrank']: chosen['after']})
    ms = end['ms']
  result = json.loads((finished / 'result.json').read_text())
  found = from_json(json.loads((finished / 'arch.json').read_text()))
  assert found.blocks == spec.blocks
  assert result['arch'] == to_string(found)
  assert result['priced_ms'] == ms <= result['target_ms']
  assert result['iterations'] == len(iterations)
  assert result['proposals'] == sum('proposal' in row for row in rows)
  assert (finished / result['picture']).read_bytes().startswith(b'\x89PNG')


def test_the_folder_is_that_of_a_training(finished, scenes, tmp_path):
  result = json.loads((finished / 'result.json').read_text())
  again = evaluating.evaluate(from_run(str(finished))).as_json()
  assert again['accuracy'] == result['test']['accuracy']
  config = load_config(
    ['--config=configs/digits.py:runlocal', scenes, '--config.train.steps=1',
     f'--config.model.weights={finished}',
     f'--config.model.name={finished / "arch.json"}']
  )  # fmt: skip
  more = training.run(config, str(tmp_path / 'more'))
  assert more['arch'] == result['arch']


def test_weights_are_carried_over(finished, seed):
  """Before any training, what is left of a network is still what it was: so
  accuracies fall little, and seeds are judged by what they had learnt."""
  rows = read_log(finished)
  held_out = evaluating.evaluate(
    from_run(str(seed)), split='validation'
  ).as_json()
  assert rows[0]['accuracy'] == pytest.approx(held_out['accuracy'])


def start(root, *command):
  return subprocess.Popen(
    [sys.executable, '-m', 'mobilenet_jax', 'refine', *command],
    cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
  )  # fmt: skip


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_ends_the_same(
  finished, seed, toy, scenes, request, tmp_path
):
  root, folder = request.config.rootpath, tmp_path / 'killed'
  log = folder / 'proposals.jsonl'
  command = arguments(seed, toy, scenes, f'--workdir={folder}')

  def lines():
    return log.read_text().count('\n') if log.exists() else 0

  moments = (
    lambda: lines() >= 3,  # in the middle of an iteration
    lambda: (folder / 'refining' / '1').exists(),  # settled, not yet logged
    lambda: (folder / 'checkpoints' / '2').exists(),  # in the last training
  )
  for reached in moments:
    process = start(root, *command)
    while not reached():
      assert process.poll() is None, process.communicate()[1]
      time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    if reached is not moments[-1]:
      with log.open('a') as file:
        file.write('{"iteration": 1, "propo')  # a line that was cut off
  process = start(root, *command)
  _, err = process.communicate()
  assert process.returncode == 0, err
  for name in SAME:
    assert (finished / name).read_bytes() == (folder / name).read_bytes(), name
  ours, theirs = (
    trained.open_trained(str(f)).variables for f in (folder, finished)
  )
  jax.tree.map(np.testing.assert_array_equal, ours, theirs)


def test_a_damaged_log_is_named(finished, tmp_path):
  lines = (finished / 'proposals.jsonl').read_text().splitlines()
  for bad in ('{"iteration": 1', '{"iteration": "1", "ms": 1.0}', '[]'):
    (tmp_path / 'proposals.jsonl').write_text(
      '\n'.join([lines[0], bad, *lines[1:]]) + '\n'
    )
    with pytest.raises(
      UserError, match=r'proposals.jsonl is damaged in line 2'
    ):
      RefineLog(tmp_path)


def test_a_run_needs_no_config_where_the_weights_are_a_run(seed):
  config = load_config([f'--config.model.weights={seed}'], refine_config())
  made = completed(config)
  assert made.model.name == str(seed / 'arch.json')
  assert made.data.name == 'digit_scenes/32'
  assert (made.data.train_split, made.data.held_out_split) == ('auto', 'auto')
  other = load_config([f'--config.model.name={seed}'], refine_config())
  assert completed(other).model.weights == str(seed)


def error(capsys, command):
  capsys.readouterr()
  assert main(['refine', *command]) == 2
  (line,) = [
    row for row in capsys.readouterr().err.splitlines()
    if row.startswith('mobilenet-jax: ')
  ]  # fmt: skip
  return line


def test_what_is_wrong_is_one_sentence(seed, toy, scenes, tmp_path, capsys):
  where = f'--workdir={tmp_path / "run"}'
  ask = lambda *more: error(capsys, arguments(seed, toy, scenes, where, *more))
  for target in (99.0, 1e-5):
    text = ask(f'--target_ms={target}')
    assert f'The target of {target:g} ms is out of reach: tiny takes' in text
    assert 'and can be narrowed down to' in text
  assert not (tmp_path / 'run' / 'latency.csv').exists()
  assert 'No latency to come down to; say it with --target_ms.' in ask(
    '--target_ms=0'
  )
  assert 'holds another network than mobilenet_v3_small' in ask(
    '--arch=mobilenet_v3_small'
  )
  assert 'There is nothing to go on from' in ask('--weights=')
  assert "Unknown refine.criterion 'v4'. Did you mean 'v3'?" in ask(
    '--config.refine.criterion=v4'
  )
  assert 'refine.delta is 0.0; it must be' in ask('--config.refine.delta=0.0')
  assert "train.freeze is '1'; a network is refined as a whole" in ask(
    '--config.train.freeze=1'
  )
  assert 'There are no images to judge proposals by' in ask(
    '--config.data.held_out_split='
  )


def test_other_weights_in_a_used_folder_are_refused(
  finished, seed, toy, scenes, tmp_path, capsys
):
  folder = tmp_path / 'run'
  shutil.copytree(finished, folder)
  (folder / 'result.json').unlink()
  known = json.loads((folder / 'seed.json').read_text())
  known['sha256'] = 'another'
  (folder / 'seed.json').write_text(json.dumps(known))
  text = error(capsys, arguments(seed, toy, scenes, f'--workdir={folder}'))
  assert 'The weights are not those that the run in' in text
  assert (folder / 'proposals.jsonl').exists()


def test_unknown_blocks_of_this_computers_table_are_measured_once(
  monkeypatch, tmp_path
):
  """All of a call's at once, at the speed of the table; then never again."""
  from mobilenet_jax.jobs import network_prices

  spec = from_string(NETWORK)
  asked = []

  def measured(wanted):
    asked.append(list(wanted))
    return toy_table(wanted)

  monkeypatch.setattr(network_prices, 'measured', measured)
  path = tmp_path / 'latency.csv'
  prices = NetworkPrices(toy_table(keys(spec)), True, path)
  thin = [with_widths(spec, {w.name: 8}) for w in widths(spec)]
  first = prices([spec, *thin])
  assert len(asked) == 1
  assert len(asked[0]) == len(set(asked[0]))
  assert prices([spec, *thin]) == first
  assert len(asked) == 1
  assert LatencyTable.load(path).price(thin[0]) == pytest.approx(first[1])
