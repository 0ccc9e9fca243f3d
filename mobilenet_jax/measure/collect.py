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
from mobilenet_jax.core.files import make_folder
from mobilenet_jax.core.progress import progress
from mobilenet_jax.latency.key import BlockKey
from mobilenet_jax.latency.rows import HEADER
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.latency.timing import Timing
from mobilenet_jax.measure.instrument import Instrument
from mobilenet_jax.measure.speed import REFERENCE

CHUNK = 64
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
    known: that table, if there is one.
  """

  wanted: tuple[BlockKey, ...]
  todo: tuple[BlockKey, ...]
  seconds: float
  path: Path
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
  known = LatencyTable.load(path) if path.exists() else None
  if before:
    more = known or before
    slower = before.at_speed(more.provenance.get('reference_ms'))
    known = LatencyTable({**slower.rows, **more.rows}, more.provenance)
  todo = tuple(key for key in wanted if not known or key not in known.rows)
  pace = instrument.seconds_a_block
  if known:
    pace = known.provenance.get('seconds_a_block') or pace
  return Plan(wanted, todo, len(todo) * pace, path, known)


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
    JobError: the device is lost or too unsteady; what is measured is kept.
  """
  work = plan(instrument, wanted, before)
  say(str(work))
  table = work.known or LatencyTable({}, instrument.provenance())
  if work.todo:
    make_folder(work.path.parent)
    for chunk in _measure_chunks(instrument, work):
      # the speed may be found to be higher, the date is the last one's
      known = table.at_speed(chunk.provenance['reference_ms'])
      table = LatencyTable({**known.rows, **chunk.rows}, chunk.provenance)
      table.save(work.path)
    say(_outliers({key: table[key] for key in work.todo}))
  return LatencyTable({k: table[k] for k in work.wanted}, table.provenance)


def known_path(instrument: Instrument) -> Path:
  """Where a device's blocks are kept: one file a set of conditions."""
  conditions = instrument.provenance() | NOT_CONDITIONS
  text = json.dumps(conditions, sort_keys=True).encode()
  kind = conditions['device'].split()[0]
  name = f'{kind}-{hashlib.sha256(text).hexdigest()[:12]}.csv'
  return cache_dir() / 'latency' / name


def _measure_chunks(
  instrument: Instrument, work: Plan
) -> Iterator[LatencyTable]:
  """Yields the blocks of chunk after chunk."""
  known = work.known.provenance if work.known else {}
  usual, started, done = known.get('reference_ms'), time.monotonic(), 0
  with (
    _builder(instrument, len(work.todo)) as build,
    progress('measuring blocks', len(work.todo)) as bar,
  ):
    reference = next(build([REFERENCE]), b'')
    for start in range(0, len(work.todo), CHUNK):
      chunk = work.todo[start : start + CHUNK]
      models = []
      for model in build(chunk):
        bar.advance(0, f'built {chunk[len(models)]}')
        models.append(model)
      rows, usual = instrument.time(chunk, models, reference, usual, bar)
      done += len(chunk)
      yield LatencyTable(
        rows,
        {
          **instrument.provenance(),
          **instrument.state(),
          'reference_ms': usual,
          'seconds_a_block': round((time.monotonic() - started) / done, 3),
        },
      )


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
