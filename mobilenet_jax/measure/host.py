"""The instrument for this computer: LiteRT on one thread of one core."""

import contextlib
import importlib.metadata
import os
import platform
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from mobilenet_jax.export.tflite import Interpreter
from mobilenet_jax.latency.table import Timing

THREADS = 1
WARM_UP_SECONDS = 0.008
ROUND_SECONDS = 0.02
LEAST_REPEATS = 10
ROUNDS = 2
PRICED = 0.25  # the quantile of the repeats that prices a block
PROTOCOL = (
  f'{ROUNDS} rounds some seconds apart, each of {WARM_UP_SECONDS * 1e3:g} ms '
  f'warm-up and {ROUND_SECONDS * 1e3:g} ms of repeats (at least '
  f'{LEAST_REPEATS}); ms is the lower quartile of all repeats, at the speed '
  'at which the reference block takes reference_ms'
)


def provenance() -> dict[str, Any]:
  """What a table measured here must say of itself."""
  return {
    'device': f'host ({platform.machine()})',
    'chip': chip(),
    'cores': os.cpu_count(),
    'affinity': f'core {pinned_core()}',
    'threads': THREADS,
    'runtime': 'LiteRT',
    'version': importlib.metadata.version('ai-edge-litert'),
    'delegate': 'XNNPACK',
    'dtype': 'float32',
    'batch': 1,
    'protocol': PROTOCOL,
    'date': datetime.now(UTC).date().isoformat(),
    'source': 'measured on this computer by mobilenet-jax',
    'licence': 'Apache-2.0',
  }


def same_device(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
  """Whether two provenances describe the same conditions on other days."""
  one, other = (
    {k: v for k, v in p.items() if k not in ('date', 'reference_ms')}
    for p in (a, b)
  )
  return one == other


def chip() -> str:
  """The processor's name with family and model, as the system tells it."""
  info = Path('/proc/cpuinfo')
  if not info.exists():
    return platform.processor() or platform.machine()
  pairs = [line.split(':', 1) for line in info.read_text().splitlines()]
  found = {p[0].strip(): p[1].strip() for p in reversed(pairs) if len(p) == 2}
  name = found.get('model name', platform.machine())
  return f'{name} {found.get("cpu family", "")}/{found.get("model", "")}'


def pinned_core() -> int:
  """The core that timings run on: the last one this process may use."""
  if hasattr(os, 'sched_getaffinity'):
    return max(os.sched_getaffinity(0))
  return (os.cpu_count() or 1) - 1


@contextlib.contextmanager
def on_one_core() -> Iterator[None]:
  """Pins this thread to one core, where the system can."""
  if not hasattr(os, 'sched_setaffinity'):
    yield
    return
  before = os.sched_getaffinity(0)
  os.sched_setaffinity(0, {pinned_core()})
  try:
    yield
  finally:
    os.sched_setaffinity(0, before)


def open_model(model: bytes) -> Interpreter:
  """A TFLite model with random input, ready to be timed."""
  interpreter = Interpreter(model, THREADS)
  rng = np.random.default_rng(0)
  interpreter.feed(rng.random(interpreter.in_shape, np.float32))
  return interpreter


def time_round(
  interpreter: Interpreter, seconds: float = ROUND_SECONDS
) -> list[float]:
  """Times one round of repeats after a warm-up, in milliseconds each."""
  invoke, clock = interpreter.invoke, time.perf_counter_ns
  end = clock() + int(WARM_UP_SECONDS * 1e9)
  while clock() < end:
    invoke()
  repeats: list[float] = []
  end = clock() + int(seconds * 1e9)
  while clock() < end or len(repeats) < LEAST_REPEATS:
    start = clock()
    invoke()
    repeats.append((clock() - start) * 1e-6)
  return repeats


def timing(repeats: list[float]) -> Timing:
  """The statistics of repeats; the spread is of those that price it, the
  slower ones being other programs' doing."""
  ms = np.sort(repeats)
  half = ms[: max(len(ms) // 2, 1)]
  low, p90 = np.quantile(ms, [PRICED, 0.9])
  return Timing(
    round(float(low), 6),
    round(float(half.std()), 6),
    round(float(ms[0]), 6),
    round(float(p90), 6),
    len(ms),
  )


def time_model(model: bytes, seconds: float = 1.0) -> Timing:
  """Times a whole model for about `seconds`, in as many rounds as a block."""
  interpreter = open_model(model)
  with on_one_core():
    repeats = []
    for _ in range(ROUNDS):
      repeats += time_round(interpreter, seconds / ROUNDS)
  return timing(repeats)
