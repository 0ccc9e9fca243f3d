"""Measures the blocks that are not known yet; keeps all that are.

Models are built by one process a core, then timed with the machine otherwise
quiet. What has been measured goes to a table under the cache folder after
every chunk, one table a set of conditions, so a stopped job goes on where it
was, and the next job on the same device starts from it.
"""

import concurrent.futures
import contextlib
import hashlib
import json
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilenet_jax.core.cache import cache_dir
from mobilenet_jax.core.errors import JobError
from mobilenet_jax.core.files import locked, make_folder
from mobilenet_jax.core.progress import Progress, progress
from mobilenet_jax.latency.key import BlockKey
from mobilenet_jax.latency.rows import HEADER
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.latency.timing import Timing
from mobilenet_jax.measure.instrument import Instrument, Untimeable
from mobilenet_jax.measure.speed import REFERENCE

CHUNK_S = 30.0  # what is lost at most where a measurement is killed
LEAST_CHUNK, MOST_CHUNK = 8, 64
WORTH_PROCESSES = 48
NOT_CONDITIONS: dict[str, Any] = {'date': '', 'fields': HEADER}

Build = Callable[[Sequence[BlockKey]], Iterator[bytes]]


@dataclass(frozen=True)
class Plan:
  """What a measurement has to do.

  Attributes:
    wanted: distinct blocks.
    todo: those of them that are not known.
    seconds: about how long `todo` takes.
    path: the table of all that is known under these conditions.
    own: that table, if there is one.
    known: the same, with the blocks that are known from elsewhere.
  """

  wanted: tuple[BlockKey, ...]
  todo: tuple[BlockKey, ...]
  seconds: float
  path: Path
  own: LatencyTable | None
  known: LatencyTable | None

  def __str__(self) -> str:
    text = (
      f'{len(self.wanted)} distinct blocks: '
      f'{len(self.wanted) - len(self.todo)} known for this device, '
      f'{len(self.todo)} to measure'
    )
    return (
      f'{text}, about {_duration(self.seconds)}.' if self.todo else f'{text}.'
    )


def plan(
  instrument: Instrument,
  wanted: Iterable[BlockKey],
  before: LatencyTable | None = None,
) -> Plan:
  """Says what is to be measured; touches nothing.

  Args:
    before: a table of the same conditions from elsewhere. Its blocks are
      known, too; it gives the speed where nothing else is known.
  """
  wanted = tuple(dict.fromkeys(wanted))
  path = known_path(instrument)
  own = LatencyTable.load(path) if path.exists() else None
  known = _added(before, own) if before and own else before or own
  todo = tuple(key for key in wanted if not known or key not in known.rows)
  pace = instrument.seconds_a_block
  if known:
    pace = known.provenance.get('seconds_a_block') or pace
  return Plan(wanted, todo, len(todo) * pace, path, own, known)


def measure(
  instrument: Instrument,
  wanted: Iterable[BlockKey],
  say: Callable[[str], None],
  before: LatencyTable | None = None,
) -> LatencyTable:
  """Returns a table of the wanted blocks on an instrument's device.

  Args:
    wanted: blocks, in any order.
    say: told how many blocks are known and how many are measured.
    before: see `plan`.

  Raises:
    UserError: another process measures this device.
    JobError: the device is lost or too unsteady, or cannot run some blocks;
      what is measured is kept.
  """
  work = plan(instrument, wanted, before)
  say(str(work))
  if not work.todo and work.known:
    return _picked(work.known, work.wanted)
  make_folder(work.path.parent)
  lock = work.path.with_suffix('.lock')
  with locked(lock, f'{work.path} is being measured'):
    return _measure(instrument, work, say)


def _measure(
  instrument: Instrument, work: Plan, say: Callable[[str], None]
) -> LatencyTable:
  """Measures what is to do, and keeps it after every chunk."""
  nothing = LatencyTable({}, instrument.provenance())
  own, known = work.own or nothing, work.known or nothing
  lost: list[Untimeable] = []
  for chunk in _measure_chunks(instrument, work, lost):
    own, known = _added(own, chunk), _added(known, chunk)
    own.save(work.path)
  done = {key: known[key] for key in work.todo if key in known.rows}
  if done:
    say(_outliers(done))
  if lost:
    raise JobError(
      f'No timing of {len(lost)} of {len(work.todo)} blocks, first of '
      f'{lost[0]} What else was measured is kept.'
    )
  return _picked(known, work.wanted)


def _added(table: LatencyTable, newer: LatencyTable) -> LatencyTable:
  """Both tables' rows, at the speed of the newer one."""
  rows = table.at_speed(newer.provenance.get('reference_ms')).rows
  return LatencyTable({**rows, **newer.rows}, newer.provenance)


def _picked(table: LatencyTable, wanted: Sequence[BlockKey]) -> LatencyTable:
  return LatencyTable({key: table[key] for key in wanted}, table.provenance)


def known_path(instrument: Instrument) -> Path:
  """Where a device's blocks are kept: one file a set of conditions."""
  conditions = instrument.provenance() | NOT_CONDITIONS
  text = json.dumps(conditions, sort_keys=True).encode()
  kind = conditions['device'].split()[0]
  name = f'{kind}-{hashlib.sha256(text).hexdigest()[:12]}.csv'
  return cache_dir() / 'latency' / name


def _measure_chunks(
  instrument: Instrument, work: Plan, lost: list[Untimeable]
) -> Iterator[LatencyTable]:
  """Yields the blocks of chunk after chunk; puts into `lost` what cannot be
  timed."""
  known = work.known.provenance if work.known else {}
  usual, started, done = known.get('reference_ms'), time.monotonic(), 0
  pace = known.get('seconds_a_block')
  size = int(CHUNK_S / (work.seconds / len(work.todo)))
  size = min(max(size, LEAST_CHUNK), MOST_CHUNK)
  with (
    _builder(instrument, len(work.todo)) as build,
    progress('measuring blocks', len(work.todo)) as bar,
  ):
    reference = next(build([REFERENCE]), b'')
    for start in range(0, len(work.todo), size):
      chunk = work.todo[start : start + size]
      models = []
      for model in build(chunk):
        bar.advance(0, f'built {chunk[len(models)]}')
        models.append(model)
      told = {**instrument.provenance(), **instrument.state()}
      rows, usual = _time(
        instrument, chunk, models, reference, usual, bar, lost
      )
      done += len(chunk)
      if done >= WORTH_PROCESSES or not pace:  # fewer say little of many
        pace = round((time.monotonic() - started) / done, 3)
      yield LatencyTable(
        rows, {**told, 'reference_ms': usual, 'seconds_a_block': pace}
      )


def _time(
  instrument: Instrument,
  chunk: Sequence[BlockKey],
  models: Sequence[bytes],
  reference: bytes,
  usual: float | None,
  bar: Progress,
  lost: list[Untimeable],
) -> tuple[dict[BlockKey, Timing], float | None]:
  """Times the blocks that can be timed."""
  try:
    return instrument.time(chunk, models, reference, usual, bar)
  except Untimeable as error:
    lost.append(error)
    bar.advance(0, str(error))
    fit = [i for i, key in enumerate(chunk) if key != error.key]
    rest = [chunk[i] for i in fit]
    models = [models[i] for i in fit] if models else models
    return _time(instrument, rest, models, reference, usual, bar, lost)


@contextlib.contextmanager
def _builder(instrument: Instrument, count: int) -> Iterator[Build]:
  """Gives a map from blocks to models, in one process a core where there are
  enough blocks to be worth starting them."""
  function = instrument.build
  if function is None:
    yield lambda wanted: iter(())
  elif count < WORTH_PROCESSES:
    yield lambda wanted: map(function, wanted)
  else:
    pool = concurrent.futures.ProcessPoolExecutor(
      os.cpu_count(), multiprocessing.get_context('spawn'), _start_worker
    )
    with pool:
      yield lambda wanted: pool.map(function, wanted)


def _start_worker() -> None:
  os.environ['JAX_PLATFORMS'] = 'cpu'
  os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
  signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops the pool
  threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
  """Ends a worker whose parent was killed and can no longer stop it."""
  parent = multiprocessing.parent_process()
  if parent is not None:
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)


def _outliers(rows: Mapping[BlockKey, Timing]) -> str:
  """One line on the repeats that were far too slow."""
  repeats = sum(t.n for t in rows.values())
  far = sum(t.outliers for t in rows.values())
  worst = max(rows, key=lambda key: rows[key].outliers)
  text = f'  outliers: {far} of {repeats} repeats'
  if not far:
    return f'{text}.'
  return f'{text}, most of "{worst}" ({rows[worst].outliers}).'


def _duration(seconds: float) -> str:
  return f'{seconds:.0f} s' if seconds < 90 else f'{seconds / 60:.0f} min'
