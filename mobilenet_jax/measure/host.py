"""The instrument for this computer: LiteRT."""

import contextlib
import functools
import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.progress import Progress
from mobilenet_jax.export.tflite import Interpreter
from mobilenet_jax.latency.key import BlockKey
from mobilenet_jax.latency.timing import Timing
from mobilenet_jax.measure.blocks import block_model, converter
from mobilenet_jax.measure.rounds import (
  WHEN,
  Protocol,
  Round,
  calm,
  steadily,
  time_in_rounds,
  with_stopwatches,
)
from mobilenet_jax.measure.speed import Speed
from mobilenet_jax.measure.statistics import timing

WARM_UP_SECONDS = 0.004  # of one window
MOST_WINDOWS = 20
STABLE = 0.05  # two windows of a warm-up differ by less
LEAST_REPEATS = 10
MODEL_ROUNDS = 10
MOST_MODEL_ROUNDS = 40
MODEL_ROUND_S = 0.1
PROTOCOL = Protocol()
LITERT_DTYPES = ('float32', 'float16', 'int8')


@dataclass(frozen=True)
class Host:
  """This computer, under conditions.

  Attributes:
    dtype: of the arithmetic.
    threads: of LiteRT.
    xnnpack: whether its delegate runs the graph, or LiteRT's own kernels.
    cores: to pin to; None takes as many of the last ones as threads.
    protocol: how a block is timed.
  """

  dtype: str = 'float32'
  threads: int = 1
  xnnpack: bool = True
  cores: tuple[int, ...] | None = None
  protocol: Protocol = PROTOCOL
  build: ClassVar[Callable[[BlockKey], bytes] | None] = staticmethod(
    block_model
  )
  seconds_a_block: ClassVar[float] = 0.4

  def __post_init__(self):
    if self.dtype not in LITERT_DTYPES:
      raise UserError(
        f'LiteRT cannot run dtype {self.dtype!r}; take '
        f'{", ".join(LITERT_DTYPES)}.'
      )
    usable = sorted(usable_cores())
    if not 1 <= self.threads <= len(usable):
      raise UserError(
        f'{self.threads} threads: this process may use 1 to {len(usable)}.'
      )
    wrong = set(self.cores or ()) - set(usable)
    if wrong or self.cores == ():
      raise UserError(f'Cores {self.cores} are not among {usable}.')

  @property
  def pinned(self) -> tuple[int, ...]:
    """The cores that timings run on."""
    return self.cores or tuple(sorted(usable_cores())[-self.threads :])

  def provenance(self) -> dict[str, Any]:
    """What a table measured here must say of itself."""
    return {
      'device': f'host ({platform.machine()})',
      'chip': chip(),
      'cores': os.cpu_count(),
      'affinity': f'core {",".join(map(str, self.pinned))}',
      'threads': self.threads,
      'runtime': 'LiteRT',
      'version': importlib.metadata.version('ai-edge-litert'),
      'delegate': 'XNNPACK' if self.xnnpack else 'none',
      'converter': converter(),
      'dtype': self.dtype,
      'batch': 1,
      'protocol': f'{self.protocol}; {WHEN}',
      'date': datetime.now(UTC).date().isoformat(),
      'source': 'measured on this computer by mobilenet-jax',
      'licence': 'Apache-2.0',
    }

  def open(self, model: bytes) -> Interpreter:
    """A TFLite model with random input, ready to be timed."""
    interpreter = Interpreter(model, self.threads, xnnpack=self.xnnpack)
    interpreter.feed(random_input(interpreter))
    return interpreter

  def state(self) -> dict[str, Any]:
    """Nothing beside the conditions."""
    return {}

  def time(
    self,
    wanted: Sequence[BlockKey],
    models: Sequence[bytes],
    reference: bytes,
    usual_ms: float | None,
    bar: Progress,
  ) -> tuple[dict[BlockKey, Timing], float | None]:
    """Times TFLite models of blocks, see `Instrument`."""
    with self.on_cores():  # threads of LiteRT inherit them
      watches = [
        functools.partial(time_round, self.open(model)) for model in models
      ]
      speed = self.speed(reference, usual_ms)
      take = with_stopwatches(watches, speed, self.protocol.round_s)
      rows = time_in_rounds(wanted, take, speed, self.protocol, bar)
    return rows, speed.usual_ms

  def speed(self, reference: bytes, usual_ms: float | None) -> Speed:
    """How fast the computer is, by the reference block."""
    return Speed(functools.partial(time_round, self.open(reference)), usual_ms)

  def time_beside(self, model: bytes, speed: Speed) -> tuple[Timing, Timing]:
    """Times a whole model for about a second, the reference block in between.

    Returns:
      Its timing as it is, and as it would be at the usual speed.
    """
    rounds: list[Round] = []
    with self.on_cores():
      watch = functools.partial(time_round, self.open(model))
      for turn in range(MOST_MODEL_ROUNDS):
        (repeats,), ends = steadily([watch], speed.now, MODEL_ROUND_S)
        rounds.append(Round(repeats, float(np.mean(ends))))
        if turn + 1 >= MODEL_ROUNDS and len(calm(rounds)) >= MODEL_ROUNDS / 2:
          break
    kept, usual = calm(rounds), speed.usual_ms or 1.0
    return timing([r.repeats for r in kept]), timing(
      [r.at(usual) for r in kept]
    )

  @contextlib.contextmanager
  def on_cores(self) -> Iterator[None]:
    """Pins this thread to the cores, where the system can."""
    if not hasattr(os, 'sched_setaffinity'):
      yield
      return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(self.pinned))
    try:
      yield
    finally:
      os.sched_setaffinity(0, before)


def chip() -> str:
  """The processor's name with family and model, as the system tells it."""
  info = Path('/proc/cpuinfo')
  if not info.exists():
    return platform.processor() or platform.machine()
  pairs = [line.split(':', 1) for line in info.read_text().splitlines()]
  found = {p[0].strip(): p[1].strip() for p in reversed(pairs) if len(p) == 2}
  name = found.get('model name', platform.machine())
  return f'{name} {found.get("cpu family", "")}/{found.get("model", "")}'


def usable_cores() -> set[int]:
  """The cores that this process may use."""
  if hasattr(os, 'sched_getaffinity'):
    return os.sched_getaffinity(0)
  return set(range(os.cpu_count() or 1))


def random_input(interpreter: Interpreter) -> np.ndarray:
  """An input of a model's shape and type."""
  rng = np.random.default_rng(0)
  if interpreter.in_dtype == np.int8:
    return rng.integers(-128, 128, interpreter.in_shape, np.int8)
  return rng.random(interpreter.in_shape, np.float32)


def time_round(interpreter: Interpreter, seconds: float) -> list[float]:
  """Times one round of repeats after a warm-up, in milliseconds each."""
  invoke, clock = interpreter.invoke, time.perf_counter_ns
  _warm_up(interpreter)
  repeats: list[float] = []
  end = clock() + int(seconds * 1e9)
  while clock() < end or len(repeats) < LEAST_REPEATS:
    start = clock()
    invoke()
    repeats.append((clock() - start) * 1e-6)
  return repeats


def _warm_up(interpreter: Interpreter) -> None:
  """Runs a model until two windows in a row take the same time."""
  before = np.inf
  for _ in range(MOST_WINDOWS):
    now = _window(interpreter)
    if abs(now / before - 1) < STABLE:
      return
    before = now


def _window(interpreter: Interpreter) -> float:
  """Median nanoseconds of some runs of a model."""
  clock, taken = time.perf_counter_ns, []
  end = clock() + int(WARM_UP_SECONDS * 1e9)
  while not taken or clock() < end:
    start = clock()
    interpreter.invoke()
    taken.append(clock() - start)
  return float(np.median(taken))
