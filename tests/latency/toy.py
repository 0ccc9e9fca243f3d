"""A table that prices every block by a formula."""

from collections.abc import Iterable

from mobilenet_jax.latency.key import BlockKey
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.latency.timing import Timing

PROVENANCE = {
  'device': 'toy', 'chip': 'none', 'cores': 1, 'affinity': 'none',
  'threads': 1, 'runtime': 'formula', 'version': '1', 'delegate': 'none',
  'dtype': 'float32', 'batch': 1, 'protocol': 'computed',
  'date': '2020-01-01', 'source': 'tests', 'licence': 'Apache-2.0',
}  # fmt: skip


def toy_ms(key: BlockKey) -> float:
  """Grows with everything that makes a block larger."""
  pixels = key.in_size**2
  wide = key.expanded or key.out_channels
  work = pixels * wide * (key.in_channels + key.kernel**2 + key.out_channels)
  slow = 1.1 if key.activation == 'hard_swish' else 1.0
  return round(1e-7 * work * slow + 1e-6 * key.squeezed + 1e-4, 9)


def toy_table(wanted: Iterable[BlockKey]) -> LatencyTable:
  """Prices the wanted blocks."""
  rows = {k: Timing(toy_ms(k), std_ms=0.01 * toy_ms(k), n=10) for k in wanted}
  return LatencyTable(rows, PROVENANCE)
