"""Trains every network of a small space to the end: a tabular benchmark.

    mobilenet-jax experiment nas_bench_digits [--trainings N] [--runlocal]

288 networks with three seeds on digit_scenes/32, one worker process a core,
several networks in one program each. What was stopped goes on, kill -9
included. Leave the machine alone while its blocks are timed (first, a minute
or two). At the end it writes networks.csv and networks.json; see
`mobilenet_jax.search.benchmark`.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ml_collections import ConfigDict
from trainings import Training, done, mend, planned, space_of, work

from mobilenet_jax.arch import count, to_string
from mobilenet_jax.core.config import to_plain
from mobilenet_jax.core.errors import JobError, UserError
from mobilenet_jax.core.files import make_folder, read_json
from mobilenet_jax.core.progress import progress, say
from mobilenet_jax.jobs.pricing import measured
from mobilenet_jax.jobs.recipes import digits_config
from mobilenet_jax.jobs.runs import open_run
from mobilenet_jax.jobs.splits import open_split
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.latency.tensors import space_keys
from mobilenet_jax.search import benchmark

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def main(argv: Sequence[str] | None = None) -> int:
  """Parses and runs; the exit status."""
  args = arguments(argv)
  config = config_of(args)
  try:
    if args.worker is not None:
      work(config, args.runs, args.worker, args.workers, args.trainings)
      return 0
    make_folder(args.out)
    with open_run(args.runs, 'nas_bench_digits', config) as folder:
      table = priced(config, folder, args.table)
      found = trained(config, folder, args)
    wanted = planned(space_of(config), config.seeds)
    if len(found) < len(wanted):
      say(f'{len(found)} of {len(wanted)} trainings are done.')
    else:
      write(config, args.runs, args.out, table, found)
  except (UserError, JobError) as error:
    say(f'nas_bench_digits: {error}')
    return 2 if isinstance(error, UserError) else 1
  return 0


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
  """Of the command line."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  add = parser.add_argument
  cores = len(os.sched_getaffinity(0))
  add('--steps', type=int, default=800, help='of each training')
  add('--seeds', type=int, nargs='+', default=[0, 1, 2])
  add('--trainings', type=int, default=10**9, help='stop after so many')
  add('--workers', type=int, default=cores, help='processes, a core each')
  add('--table', default='', help='prices; measured here by default')
  add('--data-dir', default='', help="of data sets; TFDS's own by default")
  add('--runs', type=Path, default=ROOT / 'runs/nas_bench_digits')
  add('--out', type=Path, default=HERE, help='folder of networks.csv')
  add('--runlocal', action='store_true', help='four networks, few steps')
  add('--worker', type=int, help=argparse.SUPPRESS)
  return parser.parse_args(argv)


def config_of(args: argparse.Namespace) -> ConfigDict:
  """What a run folder remembers: the recipe.

  No augmentation and no label smoothing: in two epochs nothing is learnt by
  heart, and both delay the moment when a small network leaves chance level.
  """
  digits = digits_config(local=False)
  config = ConfigDict({'seed': 0, 'local': args.runlocal})
  config.seeds = tuple(args.seeds)
  config.data = digits.data
  config.data.dir = args.data_dir
  config.data.held_out_split = 'validation'
  config.data.augment.crop = ''
  config.data.augment.exposure = 0.0
  config.train = digits.train
  config.train.steps = 4 if args.runlocal else args.steps
  config.train.batch = 32
  config.train.label_smoothing = 0.0
  config.train.optimizer.learning_rate = 0.2
  return config


def priced(config: ConfigDict, folder: Path, path: str) -> LatencyTable:
  """The table of the space's blocks; measured first where it is not there."""
  own = folder / 'latency.csv'
  if own.exists():
    return LatencyTable.load(own)
  if path:
    table = LatencyTable.load(path)
  else:
    table = measured(space_keys(space_of(config).spec))
  table.save(own)
  return table


def trained(
  config: ConfigDict, folder: Path, args: argparse.Namespace
) -> dict[Training, dict[str, float]]:
  """Trains what is left, by workers; all that is done.

  Raises:
    JobError: a worker failed.
  """
  path = folder / 'trainings.csv'
  mend(path)
  total = len(planned(space_of(config), config.seeds)[: args.trainings])
  before = len(done(path))
  if before >= total:
    return done(path)
  open_split(config.data, config.data.train_split)  # built once, not by each
  with (
    progress('training', total, done=before) as bar,
    working(args) as processes,
  ):
    while any(process.poll() is None for process in processes):
      time.sleep(0.5)
      bar.advance(len(done(path)) - bar.done)
      if any(process.poll() for process in processes):
        break
    bar.advance(len(done(path)) - bar.done)
  status = next((p.returncode for p in processes if p.returncode), 0)
  if status:
    raise JobError(
      f'A worker ended with status {status}; the same command goes on.'
    )
  return done(path)


@contextlib.contextmanager
def working(args: argparse.Namespace) -> Iterator[list[subprocess.Popen]]:
  """The worker processes; they end with this one."""
  shared = [
    sys.executable, str(HERE / 'run.py'), f'--steps={args.steps}',
    '--seeds', *map(str, args.seeds), f'--trainings={args.trainings}',
    f'--workers={args.workers}', f'--data-dir={args.data_dir}',
    f'--runs={args.runs}', *(['--runlocal'] if args.runlocal else []),
  ]  # fmt: skip
  processes = []
  try:
    for i in range(args.workers):
      command = [*shared, f'--worker={i}']
      processes.append(subprocess.Popen(command, stdin=subprocess.PIPE))
    yield processes
  finally:
    for process in processes:
      if process.poll() is None:
        process.terminate()
      process.wait()


def write(
  config: ConfigDict,
  folder: Path,
  out: Path,
  table: LatencyTable,
  found: Mapping[Training, Mapping[str, float]],
) -> None:
  """Writes networks.csv and networks.json, and says what came."""
  space = space_of(config)
  vectors = sorted({vector for vector, _ in found})
  rows = []
  for vector in vectors:
    spec = space.decode(vector)
    counts = count(spec)
    own = [found[vector, seed] for seed in config.seeds]
    rows.append(
      {
        'vector': vector,
        'arch': to_string(spec),
        'params': counts.params,
        'macs': counts.macs,
        'latency_ms': round(table.price(spec), 6),
        'held_out': [run['held_out'] for run in own],
        'test': [run['test'] for run in own],
      }
    )
  about = {
    'config': to_plain(config),
    'core_seconds': round(sum(run['seconds'] for run in found.values())),
    'latency': dict(table.provenance),
    'environment': read_json(folder / 'env.json'),
  }
  benchmark.save(out / 'networks.csv', space, rows, about)
  tests = [statistics.mean(row['test']) for row in rows]
  ms = [row['latency_ms'] for row in rows]
  say(
    f'{len(rows)} networks: {min(tests):.1%} to {max(tests):.1%} on test '
    f'scenes, {min(ms):.4f} to {max(ms):.4f} ms, {about["core_seconds"]} core '
    f'seconds of training. Written: {out / "networks.csv"}'
  )


if __name__ == '__main__':
  sys.exit(main())
