"""The trainings of the benchmark: which there are, what is done, one worker.

A row of `trainings.csv` is a training; rows are only ever appended, a group of
networks at a time in one write. A network's numbers depend on its vector and
its seed alone, so it does not matter who trains it beside whom, or when.
"""

import csv
import io
import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from space import benchmark_space, local_space

from mobilenet_jax.core.progress import say
from mobilenet_jax.space import SearchSpace

FIELDS = ('vector', 'seed', 'held_out', 'test', 'seconds')
Training = tuple[tuple[int, ...], int]  # (vector, seed)
AT_ONCE = 8


def space_of(config: Any) -> SearchSpace:
  """The space that a run trains."""
  return local_space() if config.local else benchmark_space()


def planned(space: SearchSpace, seeds: Sequence[int]) -> list[Training]:
  """All trainings, seed by seed, in an order that tells of the whole early."""
  vectors = list(np.ndindex(*space.decisions.values()))
  order = np.random.default_rng(0).permutation(len(vectors))
  return [(tuple(map(int, vectors[i])), seed) for seed in seeds for i in order]


def groups(wanted: Sequence[Training]) -> list[list[Training]]:
  """What is trained in one program: networks of one seed."""
  made: list[list[Training]] = []
  for training in wanted:
    if not made or len(made[-1]) == AT_ONCE or made[-1][-1][1] != training[1]:
      made.append([])
    made[-1].append(training)
  return made


def mend(path: Path) -> None:
  """Drops a last line that was not written whole."""
  if path.exists():
    data = path.read_bytes()
    whole = data.rfind(b'\n') + 1
    if whole < len(data):
      os.truncate(path, whole)


def done(path: Path) -> dict[Training, dict[str, float]]:
  """The trainings whose lines are there whole."""
  if not path.exists():
    return {}
  text = path.read_text()
  lines = text[: text.rfind('\n') + 1]
  found = {}
  for row in csv.DictReader(io.StringIO(lines), FIELDS):
    vector = tuple(map(int, row['vector'].split()))
    numbers = {k: float(row[k]) for k in ('held_out', 'test', 'seconds')}
    found[vector, int(row['seed'])] = numbers
  return found


def append(path: Path, rows: Sequence[Sequence[Any]]) -> None:
  """Adds rows in one write, and waits until they are on the disk."""
  text = io.StringIO()
  csv.writer(text, lineterminator='\n').writerows(rows)
  handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
  try:
    os.write(handle, text.getvalue().encode())
    os.fsync(handle)
  finally:
    os.close(handle)


def work(
  config: Any, folder: Path, index: int, workers: int, most: int
) -> None:
  """Trains every `workers`-th group of those that are left."""
  _end_with_the_parent()
  cores = sorted(os.sched_getaffinity(0))
  os.sched_setaffinity(0, {cores[index % len(cores)]})  # before XLA's threads
  from mobilenet_jax.core.cache import use_compilation_cache

  use_compilation_cache()
  path = folder / 'trainings.csv'
  there = done(path)
  wanted = planned(space_of(config), config.seeds)[:most]
  trainer = _trainer(config)
  for group in list(groups(wanted))[index::workers]:
    left = [training for training in group if training not in there]
    if left:
      append(path, list(_rows(trainer, left)))


def _rows(trainer: Any, group: list[Training]) -> Iterator[list[Any]]:
  start = time.perf_counter()
  outcomes = trainer([vector for vector, _ in group], group[0][1])
  seconds = (time.perf_counter() - start) / len(group)
  for (vector, seed), outcome in zip(group, outcomes, strict=True):
    if not outcome.finite:  # a fact of the network, too
      say(f'{vector} has diverged with seed {seed}.')
    accuracy = [round(outcome.accuracy[k], 6) for k in ('held_out', 'test')]
    yield [' '.join(map(str, vector)), seed, *accuracy, round(seconds, 3)]


def _trainer(config: Any) -> Any:
  from mobilenet_jax.data.augment import make_augmentation
  from mobilenet_jax.jobs.many import Trainer
  from mobilenet_jax.jobs.splits import open_split

  data = config.data
  train, held_out, test = (
    open_split(data, split)
    for split in (data.train_split, data.held_out_split, data.test_split)
  )
  return Trainer(
    space_of(config),
    config.train,
    train,
    {'held_out': held_out, 'test': test},
    size=AT_ONCE,
    augment=make_augmentation(data.augment),
  )


def _end_with_the_parent() -> None:
  """Its end of our stdin closes when it is gone, however that came about."""

  def wait() -> None:
    os.read(0, 1)  # not sys.stdin: its lock would be held when we exit
    os._exit(1)

  threading.Thread(target=wait, daemon=True).start()
