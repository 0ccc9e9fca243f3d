"""Search algorithms at equal cost: what each finds, and how fast it is.

    mobilenet-jax experiment search [--algorithms NAME ...] [--seeds 0 1 2]

TuNAS, the sandwich rule with evolution, a differentiable search and random
search look for a network of one latency on this computer, in a V3-like space
on digit_scenes/64, and see as many images each. What they find is trained
alone, exported and timed. The blocks are timed first, once for all searches
(leave the machine alone until then). Every search is a run folder, runs/search/
ALGORITHM-seedN: the same command goes on where it was stopped, and reads what
is done. Writes results/searches.csv (a row a search), algorithms.csv and
searches.png beside this file, of all searches that are done.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import comparison
import random_search
from ml_collections import FrozenConfigDict
from plans import ALGORITHMS, flags_of, random_flags, search_flags

from mobilenet_jax.core.cache import use_compilation_cache
from mobilenet_jax.core.config import load_config
from mobilenet_jax.core.errors import JobError, UserError
from mobilenet_jax.core.files import make_folder
from mobilenet_jax.core.memory import use_huge_pages
from mobilenet_jax.core.progress import say
from mobilenet_jax.jobs.pricing import measured
from mobilenet_jax.jobs.search import open_data
from mobilenet_jax.jobs.training import image_side
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.latency.tensors import space_keys
from mobilenet_jax.space import get_space

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def main(argv: Sequence[str] | None = None) -> int:
  """Parses and runs; the exit status."""
  args = arguments(argv)
  make_folder(args.runs)
  use_compilation_cache()
  wanted = [name for name in ALGORITHMS if name in args.algorithms]
  try:
    table = args.table or str(table_of(args))
    for seed in args.seeds:
      for algorithm in wanted:  # random first: it lends what it trains
        search(args, algorithm, seed, table)
        write(args)
  except (UserError, JobError) as error:
    say(f'search: {error}')
    return 2 if isinstance(error, UserError) else 1
  return 0


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
  """Of the command line."""
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  add = parser.add_argument
  names = list(ALGORITHMS)
  add('--algorithms', nargs='+', choices=names, default=names)
  add('--seeds', type=int, nargs='+', default=[0, 1, 2])
  add(
    '--networks', type=int, default=4,
    help='that random search trains; the other searches see as many images',
  )  # fmt: skip
  add('--table', default='', help='prices; measured here by default')
  add('--data-dir', default='', help="of data sets; TFDS's own by default")
  add('--runs', type=Path, help='folder; runs/search by default')
  add('--out', type=Path, help='folder of the tables; results/ by default')
  add('--runlocal', action='store_true', help='a few steps of everything')
  args = parser.parse_args(argv)
  if args.networks < 1:
    parser.error('--networks is at least 1')
  local = ROOT / 'runs/search-runlocal'
  args.runs = args.runs or (local if args.runlocal else ROOT / 'runs/search')
  args.out = args.out or (local if args.runlocal else HERE / 'results')
  return args


def flags(
  args: argparse.Namespace, algorithm: str, seed: int, table: str
) -> list[str]:
  """What `mobilenet-jax search` is told."""
  more = (f'--config.latency.table={table}',)
  if args.data_dir:
    more += (f'--config.data.dir={args.data_dir}',)
  told = flags_of(algorithm, seed, more, local=args.runlocal)
  if algorithm == 'random':
    return random_flags(told, args.networks)
  if args.runlocal:
    return told
  config = load_config(flags(args, 'random', seed, table))
  budget = random_search.budget_of(config, args.runs / f'random-seed{seed}')
  return search_flags(told, budget)


def table_of(args: argparse.Namespace) -> Path:
  """The table of the space's blocks on this computer; measured first."""
  path = args.runs / 'latency.csv'
  if not path.exists():
    config = load_config(flags(args, 'random', 0, ''))
    images = open_data(config).train
    space = get_space(config.space, image_side(images), images.num_classes)
    measured(space_keys(space.spec)).save(path)
  LatencyTable.load(path)
  return path


def search(
  args: argparse.Namespace, algorithm: str, seed: int, table: str
) -> None:
  """Runs a search, or goes on, unless it is done."""
  folder = args.runs / f'{algorithm}-seed{seed}'
  if (folder / 'results.json').exists():
    return
  told = flags(args, algorithm, seed, table)
  config: FrozenConfigDict = load_config(told)
  say(f'{folder.name}:')
  if algorithm == 'random':
    random_search.run(config, folder)
    return
  random_search.lend(args.runs / f'random-seed{seed}', config, folder)
  command = [sys.executable, '-m', 'mobilenet_jax', 'search', *told]
  path = os.pathsep.join(
    filter(None, [str(ROOT), os.environ.get('PYTHONPATH')])
  )
  status = subprocess.run(
    [*command, f'--workdir={folder}'], env={**os.environ, 'PYTHONPATH': path}
  ).returncode
  if status:
    raise JobError(f'{folder} ended with status {status}; see above.')


def write(args: argparse.Namespace) -> None:
  """Writes what all finished searches found, and says it."""
  rows = comparison.read(args.runs, list(ALGORITHMS))
  table = comparison.summary(rows)
  comparison.write(args.out / 'searches.csv', rows)
  comparison.write(args.out / 'algorithms.csv', table)
  comparison.picture(rows, args.out / 'searches.png')
  print('\n'.join(map(comparison.told, table)), flush=True)


if __name__ == '__main__':
  use_huge_pages()  # as the commands do that train
  sys.exit(main())
