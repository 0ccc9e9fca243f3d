"""Ours and its peers, step by step in turns on this machine.

    mobilenet-jax experiment speed             # ours alone
    mobilenet-jax experiment speed --peers     # beside torchvision and timm

On two CPU cores with peers this takes about 15 minutes; leave the machine
alone. Writes results/DEVICE-PRECISION-VERSIONS-DATE.csv beside this file, and
prints each figure beside its target.
"""

import argparse
import contextlib
import csv
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FIELDS = (
  'what', 'model', 'batch', 'resolution', 'precision', 'library', 'device',
  'median_ms', 'p25_ms', 'p75_ms', 'images_per_s', 'first_s', 'repeats',
  'ratio', 'target',
)  # fmt: skip
MODELS = (
  'mobilenet_v1', 'mobilenet_v2', 'mobilenet_v3_large', 'mobilenet_v3_small',
  'mobilenet_v4_conv_small',
)  # fmt: skip
SIZES = ((16, 128), (8, 224))  # batch and pixels on a CPU
GPU_MODELS = ('mobilenet_v3_large', 'mobilenet_v4_conv_medium')
GPU_SIZES = ((256, 224), (1024, 224))
TARGETS = {'train': 1.0, 'forward': 1.5}  # times the peer's images a second
COMMANDS = {'--help': 0.5, 'list': 1.0, 'summary mobilenet_v2': 1.0}  # seconds
COMPILE_S = {'cold': 10.0, 'from the cache': 2.0}
SPACE, SEARCH_TARGET = 'v3_mobile', 100.0  # images a second
SEARCHES = ('search', 'search-weights')  # see `searching.py`
SEARCH_REPEATS = 5  # times as many: every step draws another network
STEPS_A_TURN = 2  # the first finds the caches full of the other's


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--peers', action='store_true')
  parser.add_argument(
    '--what', nargs='+', default=['train', 'forward', 'search', 'start']
  )
  parser.add_argument('--models', nargs='+')
  parser.add_argument('--repeats', type=int, default=10)
  parser.add_argument('--out', type=Path, default=HERE / 'results')
  args = parser.parse_args()
  if args.repeats < 1:
    parser.error('--repeats is at least 1')
  platform = _platform()
  rows: list[dict[str, Any]] = []
  try:
    for case in cases(platform, args.what, args.models):
      made = compared(case, args.peers, args.repeats)
      rows += made
      for row in made:
        _print(row)
    if 'search' in args.what and platform == 'cpu':
      for row in searching(args.peers, args.repeats):
        rows.append(row)
        _print(row)
    if 'start' in args.what:
      for row in itertools.chain(starts(args.repeats), compiles(platform)):
        rows.append(row)
        _print(row)
  finally:  # a run that is stopped keeps what it has
    if rows:
      _write(args.out / f'{_name(rows)}.csv', rows)


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
  path.parent.mkdir(parents=True, exist_ok=True)
  with path.open('w', newline='') as file:
    writer = csv.DictWriter(file, FIELDS)
    writer.writeheader()
    writer.writerows(rows)
  print(f'Written: {path}')


def cases(
  platform: str, what: Sequence[str], models: Sequence[str] | None
) -> Iterator[dict[str, Any]]:
  """What is compared on a platform."""
  gpu = platform == 'gpu'
  for model in models or (GPU_MODELS if gpu else MODELS):
    for batch, resolution in GPU_SIZES if gpu else SIZES:
      for one in (w for w in what if w in TARGETS):
        yield {
          'what': one, 'model': model, 'batch': batch,
          'resolution': resolution, 'platform': platform,
          'precision': 'bfloat16' if gpu else 'float32',
          'threads': os.cpu_count(),
        }  # fmt: skip


def compared(
  case: Mapping[str, Any], peers: bool, repeats: int
) -> list[dict[str, Any]]:
  """Ours, and the peer, in turns."""
  with contextlib.ExitStack() as stack:
    names = ('ours.py', 'peer.py')[: 1 + peers]
    workers = [stack.enter_context(Worker(name, case)) for name in names]
    for _ in range(repeats):
      for worker in workers:
        worker.take()
  rows = [worker.row() for worker in workers]
  if peers:
    ratio = rows[0]['images_per_s'] / rows[1]['images_per_s']
    rows[0] |= {'ratio': round(ratio, 2)}
  target = TARGETS.get(case['what'])
  if target is None:
    rows[0] |= {'target': f'{SEARCH_TARGET:g} images/s'}
  elif peers:
    rows[0] |= {'target': target}
  return rows


def searching(peers: bool, repeats: int) -> Iterator[dict[str, Any]]:
  """The search step, whole and without the controller's part."""
  batch, resolution = SIZES[0]
  for what in SEARCHES:
    case = {
      'what': what, 'model': SPACE, 'batch': batch,
      'resolution': resolution, 'platform': 'cpu', 'precision': 'float32',
      'threads': os.cpu_count(),
    }  # fmt: skip
    yield from compared(case, peers, SEARCH_REPEATS * repeats)


class Worker:
  """A process that times steps when told to, see `worker.py`."""

  def __init__(self, script: str, case: Mapping[str, Any]):
    """Starts it; `take` can be called when the block is entered."""
    self._case, self._seconds = case, []
    self._process = subprocess.Popen(
      [sys.executable, str(HERE / script), json.dumps(case)],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      text=True,
    )
    self._about = self._read()['ready']

  def __enter__(self) -> 'Worker':
    return self

  def __exit__(self, *error: object) -> None:
    assert self._process.stdin
    self._process.stdin.close()
    self._process.wait()

  def take(self) -> None:
    """One turn: the last of its steps counts."""
    assert self._process.stdin
    self._process.stdin.write(f'{STEPS_A_TURN}\n')
    self._process.stdin.flush()
    self._seconds.append(self._read()[-1])

  def _read(self) -> Any:
    assert self._process.stdout
    line = self._process.stdout.readline()
    if not line:
      sys.exit(f'A worker has ended: {self._process.args}')
    return json.loads(line)

  def row(self) -> dict[str, Any]:
    """What came."""
    kept = ('what', 'model', 'batch', 'resolution', 'precision')
    ms = [1e3 * s for s in self._seconds]
    low, middle, high = statistics.quantiles(ms, n=4) if len(ms) > 1 else 3 * ms
    return {
      **{name: self._case[name] for name in kept},
      **self._about,
      'median_ms': round(middle, 2),
      'p25_ms': round(low, 2),
      'p75_ms': round(high, 2),
      'images_per_s': round(self._case['batch'] / middle * 1e3, 1),
      'repeats': len(ms),
    }


def starts(repeats: int) -> Iterator[dict[str, Any]]:
  """How long commands take that only print."""
  program = [sys.executable, '-m', 'mobilenet_jax']
  for command, target in COMMANDS.items():
    ms = []
    for _ in range(repeats):
      start = time.perf_counter()
      subprocess.run(
        [*program, *command.split()], check=True, stdout=subprocess.DEVNULL
      )
      ms.append(1e3 * (time.perf_counter() - start))
    yield {
      'what': f'mobilenet-jax {command}',
      'median_ms': round(statistics.median(ms), 1),
      'repeats': repeats,
      'target': f'{1e3 * target:g} ms',
    }


def compiles(platform: str) -> Iterator[dict[str, Any]]:
  """The first training step of V3-Large, without and with a compilation
  cache."""
  case = next(cases(platform, ['train'], ['mobilenet_v3_large']))
  with tempfile.TemporaryDirectory() as folder:
    os.environ['JAX_COMPILATION_CACHE_DIR'] = folder
    os.environ['JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS'] = '0'
    for how, target in COMPILE_S.items():
      with Worker('ours.py', case) as worker:
        worker.take()
      row = worker.row()
      yield {
        **row, 'what': f'first training step, {how}', 'repeats': 1,
        'target': f'{target:g} s',
      }  # fmt: skip


def _platform() -> str:
  """What JAX finds, asked elsewhere: this process shall not hold a GPU."""
  asked = 'import jax; print(jax.default_backend())'
  made = subprocess.run(
    [sys.executable, '-c', asked], check=True, capture_output=True, text=True
  )
  return made.stdout.split()[-1]


def _name(rows: Sequence[Mapping[str, Any]]) -> str:
  """Device, precision, versions and date."""
  libraries = {r['library'] for r in rows if 'library' in r}
  words = ' '.join(libraries).replace(',', ' ').split()
  versions = '-'.join(sorted({word for word in words if word[0].isdigit()}))
  precision = next((r['precision'] for r in rows if 'precision' in r), 'none')
  device = next((r['device'] for r in rows if 'device' in r), 'no device')
  device = '-'.join(re.findall('[a-z0-9]+', device.lower()))
  return f'{device}-{precision}-{versions}-{datetime.now(UTC):%Y-%m-%d}'


def _print(row: Mapping[str, Any]) -> None:
  who = row.get('library', '')
  about = ' '.join(
    str(row[k]) for k in ('what', 'model', 'batch', 'resolution') if k in row
  )
  target = f'  (target {row["target"]})' if 'target' in row else ''
  ratio = f'  {row["ratio"]:.2f} times the peer' if 'ratio' in row else ''
  rate = f'{row["images_per_s"]} images/s' if 'images_per_s' in row else ''
  first = f', first {row["first_s"]} s' if 'first_s' in row else ''
  what = f'{rate}{first}{ratio}{target}'
  print(f'{about:48} {row["median_ms"]:9.1f} ms  {what}  {who}', flush=True)


if __name__ == '__main__':
  main()
