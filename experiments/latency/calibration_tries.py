"""What was tried on the way to `latency.calibrate`, and what it gave."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from mobilenet_jax.arch import SqueezeExcite
from mobilenet_jax.core.progress import say
from mobilenet_jax.latency.anchors import AnchorSet, load_anchors
from mobilenet_jax.latency.calibrate import (
  networks_of,
  split_by_kind,
  totals_of,
)
from mobilenet_jax.latency.factors import PRIOR, Prior, Totals, leave_out
from mobilenet_jax.latency.interpolate import features_of
from mobilenet_jax.latency.key import BlockKey, block_of, keys
from mobilenet_jax.latency.operations import WORK, operations
from mobilenet_jax.latency.table import LatencyTable

FEW = {
  'conv': 0, 'pointwise': 0, 'dense': 0, 'depthwise': 1, 'pool': 2,
  'elementwise': 2,
}  # fmt: skip

Way = tuple[str, Totals, Prior]


def tries(
  table: LatencyTable,
  phones: Sequence[str],
  find: Callable[..., Any],
  priors: bool = True,
) -> dict[str, dict[str, Any]]:
  """Mean absolute errors by way and phone, networks and families left out.

  Args:
    priors: whether to try others, too.
  """
  found: dict[str, dict[str, Any]] = {}
  for phone in phones:
    anchors = load_anchors(phone).of(table.dtype)
    wanted = [keys(spec, table.dtype) for spec in anchors.specs(find)]
    one = networks_of(wanted)
    family = [anchor.network for anchor in anchors.anchors]
    ways = [*_ways(table, anchors, wanted)]
    for name, totals, prior in ways + (_priors(ways[0][1]) if priors else []):
      errors = leave_out(totals, one, prior)
      by_family = leave_out(totals, family, prior)
      found.setdefault(name, {})[phone] = {
        'network': float(np.abs(errors).mean()),
        'family': float(np.abs(by_family).mean()),
      }
  for name, row in found.items():
    said = ', '.join(f'{p} {e["network"]:.1%}' for p, e in row.items())
    say(f'  {name}: {said}')
  return found


def _ways(
  table: LatencyTable, anchors: AnchorSet, wanted: Sequence[Sequence[BlockKey]]
) -> Iterator[Way]:
  base = totals_of(table, split_by_kind(table, 0.0), anchors, wanted)

  def by(times: np.ndarray) -> Totals:
    return dataclasses.replace(base, times=times)

  yield 'as shipped: six kinds, fitted times', base, PRIOR
  for residual in (0.25, 0.5, 1.0):
    split = split_by_kind(table, residual)
    totals = totals_of(table, split, anchors, wanted)
    yield f'{residual:g} of what rows leave over', totals, PRIOR
  macs = np.array(
    [[sum(features_of(k)[0::3].sum() for k in n)] for n in wanted]
  )
  yield 'multiply-adds alone, no host', by(macs * 1e-6), PRIOR
  yield 'one kind', by(base.times.sum(1, keepdims=True)), PRIOR
  few = np.zeros((len(base.ms), 3))
  for i, kind in enumerate(WORK):
    few[:, FEW[kind]] += base.times[:, i]
  yield 'three kinds: convolution, depthwise, other', by(few), PRIOR
  yield 'squeeze-and-excite its own kind', by(_finer(table, wanted, _se)), PRIOR
  kernels = by(_finer(table, wanted, _kernel))
  yield 'depthwise split by kernel', kernels, PRIOR
  parts = np.array([sum(_parts(table, k) for k in n) for n in wanted])
  yield 'work, numbers moved and calls apart', by(parts), PRIOR
  none = dataclasses.replace(base, overheads=np.zeros_like(base.overheads))
  yield 'no overhead', none, PRIOR


def _priors(base: Totals) -> list[Way]:
  """Spreads of half, twice and as good as without limits."""
  found = []
  for field in ('network', 'factor', 'source', 'overhead'):
    for times in (0.5, 2.0, 100.0):
      if (field, times) == ('network', 100.0):
        continue  # nothing is learned from networks that are all noise
      prior = dataclasses.replace(
        PRIOR, **{field: getattr(PRIOR, field) * times}
      )
      found.append((f'spread of {field} times {times:g}', base, prior))
  alike = dataclasses.replace(PRIOR, source=1e-3)
  return [*found, ('no factors of sources', base, alike)]


def _cost(table: LatencyTable) -> np.ndarray:
  return table.interpolation.cost


def _parts(table: LatencyTable, key: BlockKey) -> np.ndarray:
  return (features_of(key) * _cost(table))[_cost(table) > 0]


def _finer(
  table: LatencyTable,
  wanted: Sequence[Sequence[BlockKey]],
  labelled: Callable[[BlockKey, str], str],
) -> np.ndarray:
  """Times of networks by kinds of a finer division of operations."""
  known: dict[BlockKey, dict[str, float]] = {}
  for key in {key for network in wanted for key in network}:
    row = known.setdefault(key, {})
    left = features_of(key) * _cost(table)
    for part in operations(key):
      cost = features_of(part) * _cost(table)
      left = left - cost
      for kind, ms in zip(WORK, cost.reshape(-1, 3).sum(1), strict=True):
        label = labelled(part, kind)
        row[label] = row.get(label, 0.0) + ms
    row['elementwise'] = row.get('elementwise', 0.0) + max(left.sum(), 0.0)
  labels = sorted({label for row in known.values() for label in row})
  return np.array(
    [
      [sum(known[key].get(label, 0.0) for key in n) for label in labels]
      for n in wanted
    ]
  )


def _se(part: BlockKey, kind: str) -> str:
  return 'se' if isinstance(block_of(part), SqueezeExcite) else kind


def _kernel(part: BlockKey, kind: str) -> str:
  return f'depthwise {part.kernel}' if kind == 'depthwise' else kind
