"""Small files in the formats of others: our own, with invented numbers."""

from pathlib import Path

from mobilenet_jax.arch import from_string
from mobilenet_jax.latency.importers import import_table
from mobilenet_jax.latency.table import LatencyTable

FILES = Path(__file__).parent / 'files'
NAMES = {
  'proxylessnas': 'proxylessnas.yaml',
  'ofa': 'ofa.yaml',
  'single-path-nas': 'single_path_nas.json',
  'hw-nas-bench': 'hw_nas_bench.json',
  'mobile-vision': 'mobile_vision.jsonl',
  'benchmark_model': 'benchmark_model.txt',
}
SAID = {
  'hw-nas-bench': {'device': 'Phone T'},
  'benchmark_model': {'device': 'Phone T'},
}
TINY = from_string(
  'tiny@32 conv_k3_s2_c16_hs ir_k3_e2_c16_se0.25_hs ir_k3_s2_e3_c24_re pool '
  'dense_c10_li'
)


def imported(name: str, path: Path | None = None, **said) -> LatencyTable:
  """Imports the file of a format, or another."""
  return import_table(
    path or FILES / NAMES[name],
    name,
    provenance={**SAID.get(name, {}), **said},
    arch=TINY if name == 'benchmark_model' else None,
  )
