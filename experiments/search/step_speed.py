"""How fast a step of a one-shot search is, beside training one network.

    .venv/bin/python experiments/search/step_speed.py [--rounds 50]

Five processes take steps in turns (experiments/speed has them): training the
average network of the space alone; the search's step while the controller rests
('search-weights': it trains a network that it draws); the whole step ('search':
it also scores another network on as many images, as a device does in the
paper); that of the quickstart ('search-quickstart': four others on twice as
many); and the first one ('search-warm-up': it trains the average of all
operations at the largest widths). Images a second
are those that are trained on. The average network is drawn: the first within
2 % of the mean multiply-adds of 200 draws. Compiling is not helped by a cache.
Leave the machine alone; about 15 minutes on two CPU cores (an estimate). Writes
results/step_speed.csv beside this file and prints each figure beside its
target.
"""

import argparse
import contextlib
import csv
import os
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / 'speed'))

from run import Worker
from searching import CLASSES, MOMENTS

from mobilenet_jax.arch import ArchSpec, count, to_string
from mobilenet_jax.core.files import make_folder
from mobilenet_jax.space import SearchSpace, get_space

HERE = Path(__file__).parent
SIZES = {'v3_small_images': (16, 64), 'v3_mobile': (16, 128)}  # batch, pixels
SHARE, COMPILE_S = 0.7, 120.0  # at least, of training alone; at most
DRAWS, NEAR = 200, 0.02
ALONE = 'alone'


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--rounds', type=int, default=50)
  parser.add_argument('--spaces', nargs='+', default=list(SIZES), choices=SIZES)
  parser.add_argument('--out', type=Path, default=HERE / 'results')
  args = parser.parse_args()
  if args.rounds < 1:
    parser.error('--rounds is at least 1')
  rows = []
  for name in args.spaces:
    made = compared(name, args.rounds)
    print('\n'.join(map(told, made)), flush=True)
    rows += made
  write(args.out / 'step_speed.csv', rows)


def compared(name: str, rounds: int) -> list[dict[str, Any]]:
  """The rows of a space; that of training alone first."""
  batch, pixels = SIZES[name]
  space = get_space(name, pixels, CLASSES)
  network, mean = average(space)
  shared = {
    'batch': batch, 'resolution': pixels, 'precision': 'float32',
    'threads': os.cpu_count(),
  }  # fmt: skip
  arch = to_string(network)
  cases = [{**shared, 'what': 'train', 'model': arch}]
  cases += [{**shared, 'what': what, 'model': name} for what in MOMENTS]
  with contextlib.ExitStack() as stack:
    workers = [stack.enter_context(Worker('ours.py', case)) for case in cases]
    for _ in range(rounds):
      for worker in workers:
        worker.take()
  alone, *searches = (worker.row() for worker in workers)
  rows = [{**alone, 'what': ALONE}, *searches]
  for row in rows:
    ratio = row['images_per_s'] / alone['images_per_s']
    row |= {'model': name, 'ratio': round(ratio, 3), 'arch': ''}
  rows[0] |= {'arch': arch}
  macs = {'macs': count(network).macs, 'mean_macs': round(mean)}
  return [{**row, **macs} for row in rows]


def average(space: SearchSpace) -> tuple[ArchSpec, float]:
  """The first network that is drawn near the mean multiply-adds, and those."""
  rng = np.random.default_rng(0)
  drawn = lambda: space.decode(space.sample(rng), 'average')
  mean = statistics.fmean(count(drawn()).macs for _ in range(DRAWS))
  while True:
    network = drawn()
    if abs(count(network).macs / mean - 1) <= NEAR:
      return network, mean


def told(row: dict[str, Any]) -> str:
  """A row in words."""
  line = (
    f'{row["model"]:16} {row["what"]:15} {row["median_ms"]:8.1f} ms, '
    f'{row["images_per_s"]:6.1f} images/s, first {row["first_s"]:.1f} s'
  )
  if row['what'] == ALONE:
    return line
  met = lambda yes: 'met' if yes else 'missed'
  return (
    f'{line}; {row["ratio"]:.2f} of alone (target {SHARE}: '
    f'{met(row["ratio"] >= SHARE)}), compiling (target {COMPILE_S:g} s: '
    f'{met(row["first_s"] <= COMPILE_S)})'
  )


def write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
  make_folder(path.parent)
  with path.open('w', newline='') as file:
    writer = csv.DictWriter(file, list(rows[0]), lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)


if __name__ == '__main__':
  main()
