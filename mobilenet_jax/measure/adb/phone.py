"""The instrument for an Android phone."""

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.progress import Progress
from mobilenet_jax.latency.key import BlockKey
from mobilenet_jax.latency.timing import Timing
from mobilenet_jax.measure.adb import bench
from mobilenet_jax.measure.adb.about import (
  About,
  about,
  fitness,
  wait_until_fit,
)
from mobilenet_jax.measure.adb.connection import (
  Connection,
  check_serial,
  connect,
)
from mobilenet_jax.measure.adb.groups import MOST_CHANGE, Groups
from mobilenet_jax.measure.adb.tool import check_exists, check_machine
from mobilenet_jax.measure.blocks import block_model, converter
from mobilenet_jax.measure.host import LITERT_DTYPES
from mobilenet_jax.measure.rounds import Protocol
from mobilenet_jax.measure.speed import Speed

PROTOCOL = Protocol(round_s=0.1)


@dataclass(frozen=True)
class Phone:
  """An Android phone, under conditions.

  Attributes:
    dtype: of the arithmetic; float16 is forced with XNNPACK.
    serial: as `adb devices` lists it; None: the only phone.
    threads: of TFLite.
    xnnpack: whether its delegate runs the graph, or TFLite's own kernels.
    cores: to pin to; None takes as many of the fastest ones as threads.
    tool: TFLite's benchmark_model for the phone, a file here.
    protocol: how a block is timed.
  """

  dtype: str = 'float32'
  serial: str | None = None
  threads: int = 1
  xnnpack: bool = True
  cores: tuple[int, ...] | None = None
  tool: str | None = None
  protocol: Protocol = PROTOCOL
  build: ClassVar = staticmethod(block_model)
  seconds_a_block: ClassVar[float] = 1.5

  def __post_init__(self):
    if self.dtype not in LITERT_DTYPES:
      raise UserError(
        f'TFLite on a phone has no {self.dtype}; take '
        f'{", ".join(LITERT_DTYPES)}.'
      )
    if self.threads < 1:
      raise UserError(f'{self.threads} threads: at least one is needed.')
    if self.serial is not None:
      check_serial(self.serial)
    check_exists(self.tool)

  @functools.cached_property
  def connection(self) -> Connection:
    """The phone, ready."""
    return connect(self.serial)

  @functools.cached_property
  def about(self) -> About:
    """What it is; the tool is one for it."""
    found = about(self.connection)
    check_machine(Path(str(self.tool)), found.abis)
    return found

  @property
  def pinned(self) -> list[int]:
    """The cores that timings run on."""
    return self.about.pinned(self.cores, self.threads)

  def provenance(self) -> dict[str, Any]:
    """What a table measured there must say of itself."""
    phone, pinned = self.about, self.pinned
    return {
      'device': f'phone ({phone.model})',
      'chip': phone.chip,
      'cores': phone.present,
      'affinity': f'core {",".join(map(str, pinned))}',
      'threads': self.threads,
      'runtime': 'TFLite benchmark_model',
      'version': f'sha256 {self._tool_hash}',
      'delegate': self._delegate,
      'converter': converter(),
      'dtype': self.dtype,
      'batch': 1,
      'protocol': (
        f'{self.protocol}; what is timed while the speed changes by more than '
        f'{MOST_CHANGE - 1:.0%} is timed again; a repeat is the mean of one of '
        f'the {bench.RUNS} '
        'runs of benchmark_model in a round'
      ),
      'date': datetime.now(UTC).date().isoformat(),
      'source': 'measured on this phone by mobilenet-jax',
      'licence': 'Apache-2.0',
      'abi': phone.abis[0],
      'android': phone.android,
      'governor': '/'.join(sorted({phone.cores[n].governor for n in pinned})),
      # tells two phones of a model apart without naming one
      'specimen': hashlib.sha256(phone.serial.encode()).hexdigest()[:8],
    }

  def state(self) -> dict[str, Any]:
    """How the phone fares now: told in a table, but no condition."""
    now = fitness(self.connection)._asdict()
    return {f'phone_{name}': value for name, value in now.items()}

  @property
  def _delegate(self) -> str:
    if not self.xnnpack:
      return 'none'
    return 'XNNPACK' + ', float16 forced' * (self.dtype == 'float16')

  @functools.cached_property
  def _tool_hash(self) -> str:
    return hashlib.sha256(Path(str(self.tool)).read_bytes()).hexdigest()[:12]

  @property
  def command(self) -> list[str]:
    """What runs the tool on the phone, but for the model."""
    mask = sum(1 << core for core in self.pinned)
    seconds = self.protocol.round_s / bench.RUNS
    half = 'float16' in self._delegate
    return [
      'taskset',
      f'{mask:x}',
      './benchmark_model',
      f'--num_threads={self.threads}',
      f'--use_xnnpack={str(self.xnnpack).lower()}',
      *(['--xnnpack_force_fp16=true'] if half else []),
      f'--warmup_runs={bench.LEAST_REPEATS}',
      f'--num_runs={bench.LEAST_REPEATS}',
      f'--min_secs={seconds:g}',
      '--max_secs=3',
    ]

  def time(
    self,
    wanted: Sequence[BlockKey],
    models: Sequence[bytes],
    reference: bytes,
    usual_ms: float | None,
    bar: Progress,
  ) -> tuple[dict[BlockKey, Timing], float | None]:
    """Times TFLite models of blocks, see `Instrument`."""
    self.cool()
    tool = Path(str(self.tool))
    with bench.opened(
      self.connection, tool, self.command, models, reference
    ) as on_phone:
      speed = Speed(on_phone.reference, usual_ms)
      groups = Groups(wanted, on_phone, speed, self.protocol, self.cool)
      return groups.time(bar), speed.usual_ms

  def cool(self) -> None:
    """Waits until the phone is fit to be timed."""
    wait_until_fit(self.connection)
