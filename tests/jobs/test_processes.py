"""Many devices and many processes compute what one device does; what is
killed brings the others down, and any number of processes resumes it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from mobilenet_jax.core.config import load_config
from mobilenet_jax.core.distributed import described, in_cluster
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data.pipeline import eval_batches
from mobilenet_jax.data.sources import open_source
from mobilenet_jax.jobs import training

NETWORK = (
  'tiny@32 conv_k3_s2_c8_re ir_k3_e2_c8_re pool dense_c8192_re dense_c10_li'
)
STEPS, SAVED = 60, 20
CLOSE = {'rtol': 2e-3, 'atol': 2e-4}  # seen: 4e-5 in the loss
EIGHT = '--xla_force_host_platform_device_count=8'
TWO = '--xla_force_host_platform_device_count=2'


def arguments(scenes):
  return [
    '--config=configs/digits.py:runlocal',
    scenes,
    f'--config.model.name={NETWORK}',
    '--config.data.held_out_split=validation',
    f'--config.train.steps={STEPS}',
    f'--config.train.save_every={SAVED}',
    '--config.train.optimizer.learning_rate=0.005',
    '--config.train.dropout=0.1',
    '--config.train.drop_path=0.2',
    '--config.train.ema=0.9',
    '--config.train.accumulate=2',
  ]


@pytest.fixture(scope='module')
def reference(scenes, tmp_path_factory):
  """A run on one device: (folder, result)."""
  folder = tmp_path_factory.mktemp('one') / 'run'
  return folder, training.run(load_config(arguments(scenes)), str(folder))


def start(request, scenes, folder, *more, port):
  """Two processes of two devices each."""
  return [
    subprocess.Popen(
      [sys.executable, '-m', 'mobilenet_jax', 'train', *arguments(scenes),
       *extra, f'--workdir={folder}'],
      cwd=request.config.rootpath, stdout=subprocess.PIPE,
      stderr=subprocess.PIPE, text=True,
      env={
        **os.environ, 'XLA_FLAGS': TWO, 'JAX_NUM_PROCESSES': '2',
        'JAX_COORDINATOR_ADDRESS': f'127.0.0.1:{port}',
        'JAX_PROCESS_ID': str(i),
      },
    )
    for i, extra in enumerate(more or ((), ()))
  ]  # fmt: skip


@pytest.fixture
def port():
  with socket.create_server(('127.0.0.1', 0)) as server:
    return server.getsockname()[1]


def ended(processes):
  """[(status, stdout, stderr)]; none may take longer than a minute."""
  try:
    out = [process.communicate(timeout=60) for process in processes]
  finally:
    for process in processes:
      process.kill()
  return [(p.returncode, *o) for p, o in zip(processes, out, strict=True)]


def until(processes, folder, lines):
  """Waits until that many metrics are written."""
  path = folder / 'metrics.jsonl'
  while not path.exists() or path.read_text().count('\n') < lines:
    for process in processes:
      assert process.poll() is None, process.communicate()[1]
    time.sleep(0.005)


def records(folder):
  lines = (folder / 'metrics.jsonl').read_text().splitlines()
  return [json.loads(line) for line in lines]


def assert_alike(folder, reference):
  """The same records, numbers to float tolerance; returns how far apart the
  losses are."""
  wanted, found = records(reference[0]), records(folder)
  assert len(wanted) == STEPS + STEPS // SAVED
  assert [sorted(r) for r in found] == [sorted(r) for r in wanted]
  for a, b in zip(found, wanted, strict=True):
    assert a['step'] == b['step']
    for name in set(a) & {'loss', 'grad_norm'}:
      np.testing.assert_allclose(a[name], b[name], **CLOSE)
    if 'validation' in a:
      assert a['validation']['accuracy'] == b['validation']['accuracy']
      np.testing.assert_allclose(
        a['validation']['loss'], b['validation']['loss'], **CLOSE
      )
  result = json.loads((folder / 'result.json').read_text())
  assert result['test']['accuracy'] == reference[1]['test']['accuracy']
  np.testing.assert_allclose(
    result['test']['loss'], reference[1]['test']['loss'], **CLOSE
  )
  return max(
    abs(a['loss'] - b['loss'])
    for a, b in zip(found, wanted, strict=True)
    if 'loss' in a
  )


def test_eight_devices(reference, scenes, request, tmp_path):
  """Data parallel, with a split head, and with batch norm a device."""
  layouts = (
    (),
    ('--config.train.mesh.model=2',),
    ('--config.train.batch_norm=device',),
    ('--config.train.batch=24',),
    ('--config.train.mesh.model=3',),
    (f'--config.model.name={NETWORK.replace("8192", "64")}',
     '--config.train.mesh.model=2'),
  )  # fmt: skip
  words = [word for layout in layouts for word in ('--', *layout)]
  done = subprocess.run(
    [sys.executable, '-m', 'tests.jobs.on_devices', tmp_path,
     *arguments(scenes), *words],
    cwd=request.config.rootpath, capture_output=True, text=True,
    env={**os.environ, 'XLA_FLAGS': EIGHT},
  )  # fmt: skip
  assert done.returncode == 0, done.stderr
  batch, divisor, wide = done.stdout.splitlines()
  assert batch == (
    '--config.train.batch is 24; it must divide evenly among 8 devices in 2 '
    'parts: make it a multiple of 16.'
  )
  assert divisor == (
    '--config.train.mesh.model is 3; it is a divisor of the 8 devices of a '
    'process.'
  )
  assert wide == (
    '--config.train.mesh.model is 2, but the network has no dense layer of '
    '65536 weights or more whose outputs divide by it; it takes 1.'
  )
  assert not any((tmp_path / name).exists() for name in '345')
  print('8:', assert_alike(tmp_path / '0', reference))
  print('4 x 2:', assert_alike(tmp_path / '1', reference))
  losses = [
    [r['loss'] for r in records(tmp_path / i) if 'loss' in r] for i in '02'
  ]
  assert abs(losses[1][0] - losses[0][0]) > 1e-3  # of 1 image, not of 8
  assert np.mean(losses[1][-10:]) < np.mean(losses[1][:10])


def test_two_processes_agree_to_stop_and_resume(
  reference, scenes, request, tmp_path, port
):
  folder = tmp_path / 'run'
  processes = start(request, scenes, folder, port=port)
  until(processes, folder, 5)
  processes[1].send_signal(signal.SIGTERM)  # one of them
  for status, out, err in ended(processes):
    assert status == 143, err
    assert not out
    says = err.splitlines()[-1]
    assert says.startswith('mobilenet-jax: stopped by SIGTERM after step ')
    assert says.endswith('is saved; run it again to resume.')
  saved = max(int(p.name) for p in (folder / 'checkpoints').iterdir())
  assert 5 <= saved < STEPS
  assert not (folder / 'result.json').exists()
  done = subprocess.run(
    ['launch/train_local_processes.sh', '2', *arguments(scenes),
     f'--workdir={folder}'],
    cwd=request.config.rootpath, capture_output=True, text=True,
    env={
      **os.environ, 'DEVICES': '2', 'PORT': str(port),
      'MOBILENET_JAX': f'{sys.executable} -m mobilenet_jax',
    },
  )  # fmt: skip
  assert done.returncode == 0, done.stderr
  (line,) = done.stdout.splitlines()  # the first process alone speaks
  assert line.startswith('tiny: test accuracy ')
  assert done.stderr.count(f'training tiny: {STEPS}/{STEPS} in') == 1
  print('2 x 2:', assert_alike(folder, reference))


@pytest.mark.parametrize('victim', [1, pytest.param(0, marks=pytest.mark.slow)])
def test_a_killed_process_ends_the_other_and_one_alone_resumes(
  reference, scenes, request, tmp_path, port, victim
):
  folder = tmp_path / 'run'
  processes = start(request, scenes, folder, port=port)
  until(processes, folder, SAVED + 5)
  killed = time.monotonic()
  processes[victim].kill()
  status, _, err = ended(processes)[1 - victim]
  assert time.monotonic() - killed < 15
  assert not (folder / 'result.json').exists()
  if victim == 0 and status == -signal.SIGABRT:
    return  # JAX's runtime was faster to notice that its service is gone
  assert status == 1, err
  assert err.splitlines()[-1] == (
    f'mobilenet-jax: process {victim} of this job has ended, so process '
    f'{1 - victim} ends, too; the same command resumes from the last '
    'checkpoint.'
  )
  training.run(load_config(arguments(scenes)), str(folder))
  print('2 x 2, then 1:', assert_alike(folder, reference))


def test_processes_of_different_configs_are_refused(
  scenes, request, tmp_path, port
):
  more = (), ('--config.train.steps=50',)
  processes = start(request, scenes, tmp_path / 'run', *more, port=port)
  for status, _, err in ended(processes):
    assert status == 2, err
    assert err.splitlines()[-1] == (
      'mobilenet-jax: Process 1 was started with another config than process '
      '0 (0 / 1): train.steps: 60 / 50.'
    )
  assert not (tmp_path / 'run').exists()


def test_shards_of_an_evaluation_are_every_image_once(scenes_dir):
  source = open_source('digit_scenes/32', 'test', str(scenes_dir))
  how = {'batch': 30, 'resolution': 32}
  whole = list(eval_batches(source, **how))
  shards = [list(eval_batches(source, **how, shard=(i, 4))) for i in range(4)]
  assert [len(shard) for shard in shards] == [2, 2, 2, 1]
  for i, batch in enumerate(whole):
    for name in batch:
      np.testing.assert_array_equal(batch[name], shards[i % 4][i // 4][name])


ADDRESS = {'JAX_COORDINATOR_ADDRESS': 'host:1234'}


@pytest.mark.parametrize(
  ('environ', 'says'),
  [
    (
      {'JAX_NUM_PROCESSES': '2', **ADDRESS},
      'JAX_NUM_PROCESSES is set in the environment, but JAX_PROCESS_ID is not',
    ),
    (
      {'JAX_NUM_PROCESSES': 'two', 'JAX_PROCESS_ID': '0', **ADDRESS},
      "JAX_NUM_PROCESSES is 'two'; it is a whole number",
    ),
    (
      {'JAX_NUM_PROCESSES': '2', 'JAX_PROCESS_ID': '2', **ADDRESS},
      'JAX_PROCESS_ID is 2 and JAX_NUM_PROCESSES 2; processes are numbered',
    ),
    (
      {'JAX_NUM_PROCESSES': '2', 'JAX_PROCESS_ID': '1',
       'JAX_COORDINATOR_ADDRESS': 'host'},
      "JAX_COORDINATOR_ADDRESS is 'host'; it is HOST:PORT",
    ),
  ],
)  # fmt: skip
def test_an_environment_that_makes_no_sense(environ, says):
  with pytest.raises(UserError, match=says):
    described(environ)


def test_what_an_environment_describes():
  assert described({}) is None
  assert described(ADDRESS) is None  # SLURM's count goes with it
  numbers = {'JAX_NUM_PROCESSES': '4', 'JAX_PROCESS_ID': '3'}
  assert described({**ADDRESS, **numbers}) == ('host:1234', 4, 3)
  step = {'SLURM_STEP_NODELIST': 'node[1-2]'}
  cpu = {'JAX_PLATFORMS': 'cpu'}
  assert in_cluster({'SLURM_NTASKS': '2', **step, **cpu})
  assert not in_cluster({'SLURM_NTASKS': '1', **step, **cpu})
  assert not in_cluster({'SLURM_NTASKS': '2', **cpu})  # a shell, not srun
  assert in_cluster(
    {'OMPI_COMM_WORLD_SIZE': '2', 'OMPI_COMM_WORLD_RANK': '0', **cpu}
  )
