"""What networks cost in a run: the table, the checks, the target."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.extras import need
from mobilenet_jax.core.progress import say
from mobilenet_jax.jobs.phones import Phone, keep_tables, open_phones
from mobilenet_jax.latency.bounds import check_target
from mobilenet_jax.latency.key import BlockKey, keys
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.latency.tensors import (
  BlockPrices,
  price,
  price_tensors,
  space_keys,
)
from mobilenet_jax.measure import collect
from mobilenet_jax.measure.host import Host
from mobilenet_jax.measure.instrument import other_condition
from mobilenet_jax.space import SearchSpace
from mobilenet_jax.space.words import size_in_words

DRAWS = 1000


@dataclass
class Pricing:
  """The prices of a run.

  Attributes:
    table: saved as `latency.csv` of the run folder whenever it grows.
    tensors: every choice of the space, priced.
    target_ms: what the search is to land on.
    bounds: milliseconds of the fastest and the slowest network.
    measures: whether an unknown block may be measured here.
    more: further devices, each with a target of its own.
  """

  table: LatencyTable
  tensors: tuple[BlockPrices, ...]
  target_ms: float
  bounds: tuple[float, float]
  measures: bool
  path: Path
  more: tuple[Phone, ...] = ()

  def of_vector(self, vector: Sequence[int]) -> float:
    """Milliseconds of a choice vector of the space."""
    return price(self.tensors, vector)

  def of_window(self, vector: Sequence[int]) -> float:
    """What is compared with `target_ms` to tell whether a choice vector is in
    the latency window of every device: milliseconds where there is one; of
    many, of that which misses its target most, in units of its target, times
    `target_ms`."""
    worst = self.of_vector(vector)
    for phone in self.more:
      ms = phone.of_vector(vector) / phone.target_ms * self.target_ms
      if abs(ms - self.target_ms) > abs(worst - self.target_ms):
        worst = ms
    return worst

  def elsewhere(self, spec: ArchSpec) -> dict[str, Any]:
    """Milliseconds of a network on the further devices, for `results.json`;
    None where a table lacks a block of it, nothing where there are none."""
    if not self.more:
      return {}
    return {
      'priced_on': {phone.name: phone.of_spec(spec) for phone in self.more}
    }

  def reference_ms(self) -> float | None:
    """The reference block's usual time, if the table is this computer's."""
    known = self.table.provenance
    elsewhere = other_condition(known, Host().provenance())
    return None if elsewhere else known.get('reference_ms')

  def of(self, spec: ArchSpec) -> float:
    """Milliseconds of a network; blocks that the table lacks, as narrowed ones
    are of a phone's, are estimated from the others."""
    return self.table.predict(spec, 'interpolate').ms

  def can_price(self, spec: ArchSpec) -> bool:
    """Whether `of_new` knows, or can measure, every block of a network."""
    wanted = keys(spec, self.table.dtype)
    return self.measures or not self.table.missing(wanted)

  def of_new(self, spec: ArchSpec) -> float:
    """Milliseconds of any network; its unknown blocks are measured.

    Raises:
      UserError: a block is unknown and the table is not this computer's.
    """
    lacking = self.table.missing(keys(spec, self.table.dtype))
    if lacking and self.measures:
      say(f'Pricing {spec.name}.')
      speed = self.table.provenance.get('reference_ms')
      more = measured(lacking).at_speed(speed)
      self.table = LatencyTable(
        {**self.table.rows, **more.rows}, self.table.provenance
      )
      self.table.save(self.path)
    return self.table.price(spec)


def open_pricing(config: Any, space: SearchSpace, folder: Path) -> Pricing:
  """Loads or measures the run's table and checks the target against it.

  Args:
    config: the `latency` part of a config: `table` ('' measures this
      computer), `target_ms` (0 takes `target_quantile` of random networks),
      `more` (see `phones`; may be left out).
    folder: of the run; its own table is taken where it has one.

  Raises:
    UserError: an unreadable table, a block that it lacks, or a target that
      the space cannot reach.
  """
  path = folder / 'latency.csv'
  wanted = space_keys(space.spec)
  more = open_phones(config.get('more', ()), space, folder)
  if path.exists():
    table = LatencyTable.load(path)
  elif config.table:
    table = LatencyTable.load(config.table)
    _check_coverage(table, wanted, space.spec.name)
  else:
    table = measured(wanted)
  tensors = price_tensors(space.spec, table)
  target = config.target_ms or _quantile(space, tensors, config.target_quantile)
  low, high = check_target(target, tensors)
  if not path.exists():
    table.save(path)
  keep_tables(more, folder)
  chip = table.provenance['chip']
  say(
    f'{size_in_words(space.size)} networks, all of their {len(wanted)} blocks '
    f'priced on {chip}: {low:.3f} to {high:.3f} ms; target {target:.3f} ms.'
  )
  # blocks are never measured here for the table of another device
  here = not config.table and not other_condition(
    table.provenance, Host().provenance()
  )
  return Pricing(table, tensors, target, (low, high), here, path, more)


def _check_coverage(
  table: LatencyTable, wanted: Sequence[BlockKey], name: str
) -> None:
  """Raises UserError where a table lacks blocks of a space."""
  lacking = table.missing(wanted)
  if lacking:
    needed = {part for key in wanted for part in table.parts(key)}
    raise UserError(
      f'Latency table {table.path} lacks {len(lacking)} of the {len(needed)} '
      f'{table.unit}s of {name}, such as "{lacking[0]}"; mobilenet-jax space '
      f'{name} --table={table.path} names more.'
    )


def measured(wanted: Sequence[BlockKey]) -> LatencyTable:
  """This computer's table of the wanted blocks."""
  need('tflite', 'Measuring this computer')
  return collect.measure(Host(), wanted, say)


def _quantile(
  space: SearchSpace, tensors: Sequence[BlockPrices], quantile: float
) -> float:
  """The latency that a share of random networks stays below."""
  rng = np.random.default_rng(0)
  prices = [price(tensors, space.sample(rng)) for _ in range(DRAWS)]
  return float(np.quantile(prices, quantile))
