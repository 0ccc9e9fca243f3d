"""What any networks cost, priced together: unknown blocks are measured once,
or estimated where they cannot be."""

import importlib.util
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.extras import MODULES
from mobilenet_jax.jobs.pricing import measured
from mobilenet_jax.latency.key import BlockKey, keys
from mobilenet_jax.latency.table import LatencyTable, list_tables
from mobilenet_jax.measure.host import Host
from mobilenet_jax.measure.instrument import other_condition


@dataclass
class NetworkPrices:
  """Called with networks, returns milliseconds of each.

  Attributes:
    table: saved as `latency.csv` of the run folder whenever it grows.
    measures: whether the table is this computer's, so that an unknown block is
      measured; else it is estimated from the others.
    path: of the table.
  """

  table: LatencyTable
  measures: bool
  path: Path
  _known: dict[BlockKey, float] = field(default_factory=dict)

  def __call__(self, specs: Sequence[ArchSpec]) -> list[float]:
    """Prices of concrete specs, the same ones whenever they are asked for."""
    found = [keys(spec, self.table.dtype) for spec in specs]
    new = dict.fromkeys(
      key for each in found for key in each if key not in self._known
    )
    lacking = self.table.missing(new)
    if lacking and self.measures:
      self._measure(lacking)
    missing = 'error' if self.measures else 'interpolate'
    self._known |= {key: self.table.cost(key, missing).ms for key in new}
    return [math.fsum(self._known[key] for key in each) for each in found]

  def estimated(self, spec: ArchSpec) -> int:
    """How many of a network's blocks are estimated."""
    return len(self.table.missing(keys(spec, self.table.dtype)))

  def _measure(self, lacking: Sequence[BlockKey]) -> None:
    known = self.table
    more = measured(lacking).at_speed(known.provenance.get('reference_ms'))
    self.table = LatencyTable({**known.rows, **more.rows}, known.provenance)
    self.table.save(self.path)


def open_prices(
  config: Any, first: Sequence[ArchSpec], folder: Path
) -> NetworkPrices:
  """Opens the table of a run: its own, or that which the config names, or a
  new one of this computer.

  Args:
    config: the `latency` part of a config: `table` ('' measures this
      computer). What a shipped table lacks is always estimated.
    first: networks that are sure to be priced.
    folder: of the run; gets `latency.csv`.

  Raises:
    UserError: an unreadable table, or one that cannot price `first`.
  """
  path = folder / 'latency.csv'
  if path.exists():
    table = LatencyTable.load(path)
  elif config.table:
    table = LatencyTable.load(config.table)
    table.save(path)
  else:
    wanted = dict.fromkeys(key for spec in first for key in keys(spec))
    table = measured(list(wanted))
    table.save(path)
  measures = config.table not in list_tables() and _of_here(table)
  return NetworkPrices(table, measures, path)


def check_target(
  target_ms: float, seed: ArchSpec, fastest_ms: float, seed_ms: float
) -> None:
  """Checks that a network can be made narrower down to a latency.

  Raises:
    UserError: the target is not between the fastest form and the seed.
  """
  if not fastest_ms <= target_ms < seed_ms:
    raise UserError(
      f'The target of {target_ms:g} ms is out of reach: {seed.name} takes '
      f'{seed_ms:.4g} ms and can be narrowed down to {fastest_ms:.4g} ms.'
    )


def _of_here(table: LatencyTable) -> bool:
  """Whether a table was measured by this computer, as it would be now."""
  if table.unit != 'block' or not all(
    importlib.util.find_spec(module) for module in MODULES['tflite']
  ):
    return False
  try:
    here = Host(table.dtype).provenance()
  except UserError:  # not a dtype of LiteRT
    return False
  return not other_condition(table.provenance, here)
