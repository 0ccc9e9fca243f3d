"""The instrument for a JAX device: compiled blocks, timed inside a loop.

A call of a compiled function is answered before the device is done, and
costs more than a small block. So a block runs many times in one compiled
loop, each turn depending on the last, and the time of the same loop without
the block is taken off.
"""

import functools
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.progress import Progress
from mobilenet_jax.latency.key import BlockKey
from mobilenet_jax.latency.timing import Timing
from mobilenet_jax.measure.blocks import block_function
from mobilenet_jax.measure.rounds import (
  WHEN,
  Protocol,
  time_in_rounds,
  with_stopwatches,
)
from mobilenet_jax.measure.speed import REFERENCE, Speed

DTYPES = ('float32', 'bfloat16', 'float16')
PROTOCOL = Protocol(round_s=0.04)
REPEATS = 8  # loops in a round
MOST_TURNS = 100_000
LEAST_MS = 1e-6

Loop = Callable[[int], None]  # runs so many turns and waits for the end


@dataclass(frozen=True)
class JaxDevice:
  """The default JAX device.

  Attributes:
    dtype: of the arithmetic.
    protocol: how a block is timed.
  """

  dtype: str = 'float32'
  protocol: Protocol = PROTOCOL
  build: ClassVar[Callable[[BlockKey], bytes] | None] = None
  seconds_a_block: ClassVar[float] = 1.0

  def __post_init__(self):
    if self.dtype not in DTYPES:
      raise UserError(
        f'--device=jax cannot time {self.dtype}; take {", ".join(DTYPES)}.'
      )

  def provenance(self) -> dict[str, Any]:
    """What a table measured here must say of itself."""
    device = jax.devices()[0]
    return {
      'device': f'jax ({device.platform})',
      'chip': device.device_kind,
      'cores': os.cpu_count(),
      'affinity': 'none',
      'threads': 'all',
      'runtime': 'JAX',
      'version': jax.__version__,
      'delegate': 'XLA',
      'dtype': self.dtype,
      'batch': 1,
      'protocol': (
        f'{self.protocol}; {WHEN}; a repeat is the mean turn of a compiled '
        'loop, less that of the loop without the block'
      ),
      'date': datetime.now(UTC).date().isoformat(),
      'source': 'measured on this computer by mobilenet-jax',
      'licence': 'Apache-2.0',
    }

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
    """Times blocks, see `Instrument`; takes no models."""
    del models, reference
    speed = Speed(stopwatch(REFERENCE, self.dtype), usual_ms)
    watches = [stopwatch(key, self.dtype) for key in wanted]
    take = with_stopwatches(watches, speed, self.protocol.round_s)
    rows = time_in_rounds(wanted, take, speed, self.protocol, bar)
    return rows, speed.usual_ms


def stopwatch(key: BlockKey, dtype: str) -> Callable[[float], list[float]]:
  """Compiles a block; times rounds of it."""
  function, shape = block_function(key, 'auto', jnp.dtype(dtype))
  rng = np.random.default_rng(0)
  x = jnp.asarray(rng.normal(size=shape), jnp.dtype(dtype))
  with_block, without = loop(function, x), loop(lambda x: x, x)
  return functools.partial(time_round, with_block, without)


def loop(function: Callable[[Array], Array], x: Array) -> Loop:
  """A compiled loop whose every turn needs the last one's whole output."""

  def turn(_: int, carry: tuple[Array, Array]) -> tuple[Array, Array]:
    x, y = carry
    first = (0,) * x.ndim
    x = x.at[first].set(x[first] + 1e-6 * y.ravel()[-1].astype(x.dtype))
    return x, function(x)  # carried, so that all of it is written

  @jax.jit
  def run(turns: Array, x: Array) -> tuple[Array, Array]:
    start = (x, jnp.zeros_like(function(x)))
    return jax.lax.fori_loop(0, turns, turn, start)

  def call(turns: int) -> None:
    jax.block_until_ready(run(jnp.asarray(turns), x))

  return call


def time_round(with_block: Loop, without: Loop, seconds: float) -> list[float]:
  """Times one round of loops: milliseconds of a turn, each."""
  turns = enough_turns(with_block, seconds / REPEATS)
  for run in (with_block, without):
    run(turns)
  idle = float(np.median([_clock(without, turns) for _ in range(REPEATS)]))
  found = [_clock(with_block, turns) - idle for _ in range(REPEATS)]
  # what cannot be told from an empty loop takes the least a table can hold
  return [max(s * 1e3 / turns, LEAST_MS) for s in found]


def enough_turns(run: Loop, seconds: float) -> int:
  """Turns of a loop that take about so long, call included."""
  turns = 1
  run(turns)  # compiles
  while _clock(run, turns) < seconds and turns < MOST_TURNS:
    turns *= 2
  return turns


def _clock(run: Loop, turns: int) -> float:
  start = time.perf_counter()
  run(turns)
  return time.perf_counter() - start
