"""The formats, and what each project publishes of its measurements.

What a project does not say is 'unknown'; `YOURS` is what only the user knows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mobilenet_jax.latency.importers.align import benchmark_model
from mobilenet_jax.latency.importers.hw_nas_bench import hw_nas_bench
from mobilenet_jax.latency.importers.mit import ofa, proxylessnas
from mobilenet_jax.latency.importers.mobile_vision import mobile_vision
from mobilenet_jax.latency.importers.places import Found, Source
from mobilenet_jax.latency.importers.single_path_nas import (
  NOTE,
  single_path_nas,
)
from mobilenet_jax.latency.table import PROVENANCE

YOURS = None


@dataclass(frozen=True)
class Format:
  """A format of tables.

  Attributes:
    read: its importer.
    about: provenance of what it imports, where the user says nothing else;
      `YOURS` must be said.
    needs_arch: whether the profiled network must be named.
  """

  read: Callable[[Source], Found]
  about: Mapping[str, Any] = field(repr=False)
  needs_arch: bool = False


def _about(**said: Any) -> dict[str, Any]:
  usual = dict.fromkeys(PROVENANCE, 'unknown')
  return {**usual, 'dtype': 'float32', 'batch': 1, **said}


FORMATS: dict[str, Format] = {
  'proxylessnas': Format(
    proxylessnas,
    _about(
      device='Pixel 1',
      chip='Snapdragon 821',
      runtime='TFLite',
      delegate='none',
      protocol='ms is the mean of n repeats',
      date='2018-12',
      source='ProxylessNAS, arXiv 1812.00332, github.com/mit-han-lab/'
      'proxylessnas',
      note='Logits holds the global pool',
    ),
  ),
  'ofa': Format(
    ofa,
    _about(
      device='Galaxy Note 10',
      runtime='TFLite',
      protocol='ms is the mean of n repeats',
      date='2020',
      source='Once-for-All, arXiv 1908.09791, github.com/mit-han-lab/'
      'once-for-all',
    ),
  ),
  'single-path-nas': Format(
    single_path_nas,
    _about(
      device='Pixel 1',
      chip='Snapdragon 821',
      cores=4,
      affinity='core 3',
      threads=1,
      runtime='TFLite',
      delegate='none',
      protocol='mean of 50 runs of four whole networks, by operator',
      date='2019-04-05',
      source='Single-Path NAS, arXiv 1904.02877, Apache-2.0, github.com/'
      'dstamoulis/single-path-nas',
      licence='Apache-2.0',
      note=NOTE,
    ),
  ),
  'hw-nas-bench': Format(
    hw_nas_bench,
    _about(
      device=YOURS,
      protocol='ms as published',
      date='2021-03',
      source='HW-NAS-Bench, arXiv 2103.10584, github.com/GATECH-EIC/'
      'HW-NAS-Bench',
      licence='MIT',
    ),
  ),
  'mobile-vision': Format(
    mobile_vision,
    _about(
      runtime='Caffe2',
      delegate='QNNPACK',
      dtype='int8',
      protocol='ms is the median of an operator timed alone',
      date='2019',
      source='mobile-vision, runtime_lut, github.com/facebookresearch/'
      'mobile-vision',
      licence='CC-BY-NC',
      unit='operation',
      note='convolutions without ReLU that it lacks are those with ReLU; '
      'sums of shortcuts have no row',
    ),
  ),
  'benchmark_model': Format(
    benchmark_model,
    _about(
      device=YOURS,
      runtime='TFLite',
      protocol='mean of an operator over the runs of the whole network',
      source='benchmark_model --enable_op_profiling=true',
    ),
    needs_arch=True,
  ),
}
