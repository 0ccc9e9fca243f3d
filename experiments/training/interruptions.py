"""Interrupts a training at random moments; does it end as one that was not?

    .venv/bin/python experiments/training/interruptions.py [--count 20]

Trains a small network on digit_scenes by `mobilenet-jax train` twice, in
runs/interruptions/: once whole, once killed (SIGKILL, SIGTERM) and started
again, with moments and signals drawn from a seed. Writes interruptions.csv
beside this file, a row an interruption, and says whether every file and every
number of the checkpoints is the same.
"""

import argparse
import csv
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NETWORK = 'tiny@32 conv_k3_s2_c8_re ir_k3_e2_c8_re pool dense_c10_li'
SETTINGS = {
  'train.save_every': 40, 'train.log_every': 1, 'train.ema': 0.9,
  'train.drop_path': 0.2, 'train.dropout': 0.1, 'train.accumulate': 2,
  'data.held_out_split': 'validation[:10%]', 'data.train_split': 'train[:10%]',
  'data.test_split': 'test[:10%]', 'data.augment.mixup': 0.2,
}  # fmt: skip
EXACT = ('arch.json', 'data.json', 'metrics.jsonl', 'result.json')
# where a run can be interrupted, by what its folder shows at that moment
MOMENTS = ('starting', 'compiling', 'step', 'saving', 'unmarked')
SIGNALS = (signal.SIGKILL, signal.SIGTERM)
FIELDS = ('number', 'signal', 'moment', 'delay_ms', 'last_record',
          'checkpoints', 'status')  # fmt: skip

Start = Callable[[list[str]], Any]  # arguments -> a process, as Popen is one


def command(folder: Path, steps: int, *more: str) -> list[str]:
  """Arguments of mobilenet-jax that train in a folder."""
  settings = {**SETTINGS, 'model.name': NETWORK, 'train.steps': steps}
  return [
    'train', '--config=configs/digits.py:runlocal', f'--workdir={folder}',
    *(f'--config.{name}={value}' for name, value in settings.items()), *more,
  ]  # fmt: skip


def start(arguments: list[str]) -> subprocess.Popen:
  """The command line in a process of its own."""
  line = [sys.executable, '-m', 'mobilenet_jax', *arguments]
  return subprocess.Popen(line, cwd=ROOT, stderr=subprocess.DEVNULL)


def draws(count: int, seed: int) -> Iterator[tuple[str, Any, float, int]]:
  """(moment, signal, share of the delay, which one it is) of each; every
  moment comes with both signals before one comes again."""
  rng = random.Random(seed)
  kinds: list[tuple[str, Any]] = []
  for _ in range(count):
    if not kinds:
      kinds = [(m, s) for m in MOMENTS for s in SIGNALS]
      rng.shuffle(kinds)
    yield (*kinds.pop(), rng.random(), rng.randint(1, 30))


def records(folder: Path) -> int:
  """Lines of metrics.jsonl."""
  path = folder / 'metrics.jsonl'
  return path.read_bytes().count(b'\n') if path.exists() else 0


def names(folder: Path) -> list[str]:
  """Of the checkpoints' folder."""
  try:
    return sorted(p.name for p in (folder / 'checkpoints').iterdir())
  except FileNotFoundError:
    return []


def unmarked(folder: Path) -> bool:
  """Whether a checkpoint is written that does not count yet."""
  return any(
    name.isdecimal()
    and not (folder / 'checkpoints' / name / 'manifest.json').exists()
    for name in names(folder)
  )


class Folder:
  """What has happened in a run folder since a process was started on it."""

  def __init__(self, folder: Path):
    self._folder = folder
    self._records = records(folder)
    self._arch = self._written()
    self._unmarked = unmarked(folder)

  def _written(self) -> int:
    path = self._folder / 'arch.json'
    return path.stat().st_mtime_ns if path.exists() else 0

  def comes(self, moment: str, nth: int) -> bool:
    """Whether a moment has come; those of steps not before the n-th."""
    now = records(self._folder)
    self._records = min(self._records, now)  # a resumed run drops some
    if moment == 'compiling':
      return self._written() != self._arch
    if moment == 'unmarked' and self._unmarked:  # left by the one before
      self._unmarked = unmarked(self._folder)
      return False
    return moment == 'starting' or (
      now >= self._records + nth
      and {
        'step': lambda: True,
        'saving': lambda: any('tmp' in n for n in names(self._folder)),
        'unmarked': lambda: unmarked(self._folder),
      }[moment]()
    )


def longest(moment: str) -> float:
  """Seconds of the longest delay after a moment has come."""
  return {'starting': 3.0, 'compiling': 2.0, 'step': 0.02}.get(moment, 0.005)


def interrupt(
  folder: Path,
  begin: Start,
  arguments: list[str],
  moment: str,
  kind: Any,
  share: float,
  nth: int,
) -> dict:
  """Starts a run and interrupts it; what was seen, with its exit status."""
  watched = Folder(folder)
  process = begin(arguments)
  while process.poll() is None and not watched.comes(moment, nth):
    time.sleep(0.0005)
  delay = share * longest(moment)
  time.sleep(delay)
  seen = {
    'signal': kind.name, 'moment': moment, 'delay_ms': round(1000 * delay, 1),
    'last_record': records(folder), 'checkpoints': ' '.join(names(folder)),
  }  # fmt: skip
  if process.poll() is None:
    os.kill(process.pid, kind)
  return {**seen, 'status': process.wait()}


def interrupted(
  folder: Path,
  steps: int,
  count: int,
  seed: int,
  begin: Start = start,
  *more: str,
) -> list[dict]:
  """Interrupts a run again and again, then lets it end; a row each.

  Raises:
    SystemExit: it ended in another way than such a run may.
  """
  rows = []
  for number, drawn in enumerate(draws(count, seed), 1):
    arguments = command(folder, steps, *more)
    row = {'number': number, **interrupt(folder, begin, arguments, *drawn)}
    allowed = {
      'SIGKILL': (-signal.SIGKILL,),
      'SIGTERM': (143, -signal.SIGTERM),  # the latter before it listens
    }[row['signal']]
    if row['status'] not in allowed:
      raise SystemExit(f'status {row["status"]} after {row}')
    rows.append(row)
    print(row, flush=True)
  end(folder, steps, begin, *more)
  return rows


def end(folder: Path, steps: int, begin: Start = start, *more: str) -> None:
  """Runs it to its end."""
  status = begin(command(folder, steps, *more)).wait()
  if status:
    raise SystemExit(f'status {status} of the last run in {folder}')


def differences(a: Path, b: Path) -> list[str]:
  """Files and arrays in which two finished runs differ."""
  import jax
  import numpy as np

  from mobilenet_jax.jobs.trained import open_trained

  found = [n for n in EXACT if (a / n).read_bytes() != (b / n).read_bytes()]
  if names(a) != names(b):
    found.append('checkpoints')
  ours, theirs = (open_trained(str(f)).variables for f in (a, b))
  for (path, x), y in zip(
    jax.tree_util.tree_leaves_with_path(ours), jax.tree.leaves(theirs),
    strict=True,
  ):  # fmt: skip
    if np.asarray(x).tobytes() != np.asarray(y).tobytes():
      found.append(jax.tree_util.keystr(path))
  return found


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--count', type=int, default=20)
  parser.add_argument('--steps', type=int, default=1200)
  parser.add_argument('--seed', type=int, default=0)
  args = parser.parse_args()
  folder = ROOT / 'runs' / 'interruptions'
  shutil.rmtree(folder, ignore_errors=True)
  whole, broken = folder / 'whole', folder / 'broken'
  end(whole, args.steps)
  rows = interrupted(broken, args.steps, args.count, args.seed)
  with (HERE / 'interruptions.csv').open('w', newline='') as file:
    writer = csv.DictWriter(file, FIELDS, lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
  found = differences(whole, broken)
  same = f'differs in {", ".join(found)}' if found else 'is bit-identical'
  print(f'After {len(rows)} interruptions the run {same}.')
  raise SystemExit(bool(found))


if __name__ == '__main__':
  main()
