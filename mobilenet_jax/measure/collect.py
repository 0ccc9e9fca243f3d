"""Measures the blocks that are not known yet; keeps all that are.

Blocks are converted by one process a core, then timed with the machine
otherwise quiet. What has been measured goes to a table under the cache
folder after every chunk, so a stopped job goes on where it was, and the next
job on the same device starts from it.
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
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from mobilenet_jax.core.cache import cache_dir
from mobilenet_jax.core.files import make_folder
from mobilenet_jax.core.progress import Progress, progress
from mobilenet_jax.latency.key import FIELDS, BlockKey
from mobilenet_jax.latency.table import LatencyTable, Timing
from mobilenet_jax.measure import host
from mobilenet_jax.measure.blocks import block_model
from mobilenet_jax.measure.reference import REFERENCE, Speed

CHUNK = 64
GROUP = 8  # blocks between two timings of the reference block
WORTH_PROCESSES = 48


def host_table(
  wanted: Iterable[BlockKey], *, say: Callable[[str], None]
) -> LatencyTable:
  """Returns a table of the wanted blocks on this computer.

  Args:
    wanted: blocks, in any order.
    say: told how many blocks are known and how many are measured.
  """
  wanted = tuple(dict.fromkeys(wanted))
  path = known_path()
  known = LatencyTable.load(path) if path.exists() else None
  rows = dict(known.rows) if known else {}
  todo = [key for key in wanted if key not in rows]
  source = dict(known.provenance) if known else host.provenance()
  say(
    f'{len(wanted)} distinct blocks: {len(wanted) - len(todo)} known for this '
    f'computer, {len(todo)} to measure.'
  )
  if todo:
    make_folder(path.parent)
    for measured, reference_ms in _measure_chunks(
      todo, source.get('reference_ms')
    ):
      rows |= measured
      # its date is that of the last measurement
      source = {**host.provenance(), 'reference_ms': reference_ms}
      LatencyTable(rows, source).save(path)
  return LatencyTable({key: rows[key] for key in wanted}, source)


def known_path() -> Path:
  """Where this computer's blocks are kept: one file a set of conditions."""
  conditions = {**host.provenance(), 'date': '', 'fields': FIELDS}
  text = json.dumps(conditions, sort_keys=True).encode()
  name = f'host-{hashlib.sha256(text).hexdigest()[:12]}.csv'
  return cache_dir() / 'latency' / name


def _measure_chunks(
  todo: Sequence[BlockKey], usual_ms: float | None
) -> Iterator[tuple[dict[BlockKey, Timing], float | None]]:
  """Yields (timings, the reference block's usual time) of chunk after chunk."""
  with (
    _converter(len(todo)) as convert,
    progress('measuring blocks', len(todo)) as bar,
  ):
    speed = Speed(next(convert([REFERENCE])), usual_ms)
    for start in range(0, len(todo), CHUNK):
      chunk = todo[start : start + CHUNK]
      models = []
      for key, model in zip(chunk, convert(chunk), strict=True):
        models.append(model)
        bar.advance(0, f'converted {key}')
      yield time_blocks(chunk, models, bar, speed), speed.usual_ms


@contextlib.contextmanager
def _converter(
  count: int,
) -> Iterator[Callable[[Sequence[BlockKey]], Iterator[bytes]]]:
  """Gives a map from blocks to models, in one process a core where there are
  enough blocks to be worth starting them."""
  if count < WORTH_PROCESSES:
    yield lambda wanted: map(block_model, wanted)
    return
  pool = concurrent.futures.ProcessPoolExecutor(
    os.cpu_count(), multiprocessing.get_context('spawn'), _start_worker
  )
  with pool:
    yield lambda wanted: pool.map(block_model, wanted)


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


def time_blocks(
  wanted: Sequence[BlockKey],
  models: Sequence[bytes],
  bar: Progress,
  speed: Speed,
) -> dict[BlockKey, Timing]:
  """Times TFLite models of blocks in rounds over all of them, so that a
  disturbance of a second spoils one round of a block, not all of it."""
  ready = [host.open_model(model) for model in models]
  repeats: list[list[float]] = [[] for _ in wanted]
  with host.on_one_core():
    for turn in range(host.ROUNDS):
      drift = 1.0
      for i, (key, model, found) in enumerate(
        zip(wanted, ready, repeats, strict=True)
      ):
        if i % GROUP == 0:
          drift = speed.drift()
        found += [ms / drift for ms in host.time_round(model)]
        last = turn == host.ROUNDS - 1
        bar.advance(int(last), f'timed {key}' if last else None)
  return {
    key: host.timing(found) for key, found in zip(wanted, repeats, strict=True)
  }
