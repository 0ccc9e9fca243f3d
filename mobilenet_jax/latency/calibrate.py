"""A phone's table from the table of a device at hand and a few latencies.

The table at hand is fitted by the work of operations, its prices are split by
kind of operation, and each kind is given a factor, so that whole networks
take what is known of the phone. Nothing of the result was timed: its
provenance says so, with how far off it is on networks it was not fitted to.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.anchors import AnchorSet
from mobilenet_jax.latency.factors import (
  Factors,
  Totals,
  error_of,
  fit,
  for_each_group,
  leave_out,
)
from mobilenet_jax.latency.interpolate import features_of
from mobilenet_jax.latency.key import BlockKey, keys
from mobilenet_jax.latency.operations import WORK
from mobilenet_jax.latency.table import LatencyTable, Missing
from mobilenet_jax.latency.timing import Timing

LEAST_NETWORKS = 3
# how much of what the fit leaves over of a row is carried to the phone
RESIDUALS = (0.0, 0.5, 1.0)
ENOUGH_TO_CHOOSE = 10  # networks
FOLDS = 5  # in which they are left out to choose
HOST = (
  'device', 'chip', 'threads', 'runtime', 'version', 'delegate', 'date',
  'protocol', 'source', 'licence',
)  # fmt: skip

Split = Mapping[BlockKey, np.ndarray]  # milliseconds by kind, of `WORK`


def calibrate(
  table: LatencyTable,
  anchors: AnchorSet,
  find: Callable[..., ArchSpec],
  missing: Missing = 'error',
  residual: float | None = None,
) -> LatencyTable:
  """Carries a complete table to a device known by latencies of networks.

  Args:
    table: measured, of any device.
    anchors: of the other device; those of the table's arithmetic are used.
    find: from an anchor's network, width and resolution to its spec, as
      `models.find.find_arch`.
    missing: 'interpolate' estimates blocks of the anchors that the table
      lacks, and adds them.
    residual: how much of what the fit by work leaves over of a row is
      carried, 0 to 1; None takes the best of `RESIDUALS` where there are
      enough networks to tell, else 0.

  Returns:
    A table of the same rows; those that no anchor has take what the fit by
    work says, and are left out where it knows nothing of their work. The
    provenance has the factors and errors under 'transfer'.

  Raises:
    UserError: the table is itself carried over, lacks blocks (they are
      named), or there are too few networks of its arithmetic.
  """
  if 'transfer' in table.provenance:
    raise UserError(f'Latency table {table.path} was not measured itself.')
  if residual is not None and not 0 <= residual <= 1:
    raise UserError(f'residual {residual!r} is not from 0 to 1.')
  anchors = anchors.of(table.dtype)
  wanted = [keys(spec, table.dtype) for spec in anchors.specs(find)]
  if len(set(wanted)) < LEAST_NETWORKS:
    raise UserError(
      f'Anchor set {anchors.path} has {len(set(wanted))} distinct '
      f'{table.dtype} networks; {LEAST_NETWORKS} are needed.'
    )
  added = _lacking(table, wanted, missing)
  # other rows would tilt the fit towards what the anchors are not made of
  own = table.only(part for key in sum(wanted, ()) for part in table.parts(key))
  others = [key for key in table.rows if key not in own.rows]
  known = [key for key in others if own.interpolation.knows(key)]
  tried = RESIDUALS if residual is None else (residual,)
  splits = {r: split_by_kind(own, r, [*added, *known]) for r in tried}
  candidates = {
    r: totals_of(table, split, anchors, wanted) for r, split in splits.items()
  }
  residual = best_residual(candidates, networks_of(wanted))
  found = fit(candidates[residual]).at(anchors.main_source)
  rows = {k: _carried(k, ms, found) for k, ms in splits[residual].items()}
  how = _transfer(table, anchors, candidates, wanted, found)
  how |= {
    'residual': residual,
    'interpolated_blocks': len(added),
    'fitted_blocks': len(own.rows),
    'left_out_blocks': len(others) - len(known),
  }
  return LatencyTable(rows, _provenance(table, anchors, how))


def _lacking(
  table: LatencyTable, wanted: Sequence[Sequence[BlockKey]], missing: Missing
) -> list[BlockKey]:
  lacking = table.missing(key for network in wanted for key in network)
  if lacking and missing == 'error':
    shown = ', '.join(f'"{key}"' for key in lacking[:3])
    more = f' and {len(lacking) - 3} more' if len(lacking) > 3 else ''
    raise UserError(
      f'Latency table {table.path} lacks {len(lacking)} blocks of the '
      f"anchors' networks: {shown}{more}; measure them, or have them "
      'interpolated.'
    )
  return lacking


def split_by_kind(
  table: LatencyTable, residual: float, added: Sequence[BlockKey] = ()
) -> Split:
  """Milliseconds of every row, and of blocks it lacks, by kind of operation.

  Args:
    residual: 0 gives what the fit by work says, 1 what was measured; the
      shares of the kinds are always the fit's.
  """
  found = {key: _split(table, key, residual) for key in table.rows}
  return found | {key: _split(table, key, 0.0) for key in added}


def _split(table: LatencyTable, key: BlockKey, residual: float) -> np.ndarray:
  ms = table.rows[key].ms if key in table.rows else table.interpolation(key).ms
  if not ms:  # another row holds its work
    return np.zeros(len(WORK))
  features = features_of(key).reshape(len(WORK), -1)
  cost = table.interpolation.cost.reshape(features.shape)
  by_kind = (features * cost).sum(1)
  if not by_kind.any():  # work that the fit gives no cost to
    by_kind[features[:, 1].argmax()] = ms
  return by_kind * (ms / by_kind.sum()) ** residual


def totals_of(
  table: LatencyTable,
  split: Split,
  anchors: AnchorSet,
  wanted: Sequence[Sequence[BlockKey]],
) -> Totals:
  """The anchors' networks on both devices.

  Every network ends in one global pooling, so the overhead of a network is
  priced there.
  """
  return Totals(
    times=np.array(
      [
        sum(split[part] for key in network for part in table.parts(key))
        for network in wanted
      ]
    ),
    overheads=np.array(
      [sum(key.kind == 'pool' for key in network) for network in wanted]
    ),
    ms=np.array([anchor.ms for anchor in anchors.anchors]),
    sources=np.array([anchor.source for anchor in anchors.anchors]),
  )


def best_residual(
  candidates: Mapping[float, Totals], groups: Sequence[str]
) -> float:
  """The residual of the least error on networks that are left out.

  Args:
    candidates: the networks by residual; the first is taken where they are
      too few to tell.
    groups: as `networks_of` gives.
  """
  distinct = list(dict.fromkeys(groups))
  if len(candidates) == 1 or len(distinct) < ENOUGH_TO_CHOOSE:
    return next(iter(candidates))
  order = np.random.default_rng(0).permutation(len(distinct))
  fold = {g: str(i % FOLDS) for g, i in zip(distinct, order, strict=True)}
  folds = [fold[group] for group in groups]
  return min(
    candidates,
    key=lambda r: float(np.abs(leave_out(candidates[r], folds)).mean()),
  )


def left_out_errors(
  candidates: Mapping[float, Totals],
  networks: Sequence[str],
  groups: Sequence[str],
) -> np.ndarray:
  """Relative errors of networks by all of it without those of their group.

  The residual is chosen anew each time: chosen once, by networks that are
  then left out, it would make the errors look smaller than they are.

  Args:
    candidates: the networks by residual.
    networks: as `networks_of` gives.
    groups: labels of what is left out together.

  Returns:
    Predicted over known, less 1, [networks]; NaN where there is one group.
  """
  labels = np.array(networks)

  def errors_of(held: np.ndarray) -> np.ndarray:
    known = {r: totals.take(~held) for r, totals in candidates.items()}
    residual = best_residual(known, labels[~held].tolist())
    return error_of(candidates[residual], held)

  return for_each_group(groups, errors_of)


def networks_of(wanted: Sequence[Sequence[BlockKey]]) -> list[str]:
  """A label a network: equal where all blocks are, whatever the source."""
  return [' '.join(map(str, network)) for network in wanted]


def _carried(key: BlockKey, by_kind: np.ndarray, found: Factors) -> Timing:
  ms = float(by_kind @ found.kinds)
  if key.kind == 'pool':
    ms += found.overhead_ms
  return Timing(float(f'{ms:.6g}'))  # n is 0: not timed


def _transfer(
  table: LatencyTable,
  anchors: AnchorSet,
  candidates: Mapping[float, Totals],
  wanted: Sequence[Sequence[BlockKey]],
  found: Factors,
) -> dict[str, Any]:
  """What the provenance says of how a table came about."""
  networks = networks_of(wanted)
  families = [anchor.network for anchor in anchors.anchors]
  one = left_out_errors(candidates, networks, networks)
  family = left_out_errors(candidates, networks, families)
  sources = [anchor.source for anchor in anchors.anchors]
  return {
    'from': {name: table.provenance[name] for name in HOST},
    'factors': _rounded(dict(zip(WORK, found.kinds, strict=True))),
    'overhead_ms': round(found.overhead_ms, 4),
    'main_source': anchors.main_source,
    'source_scales': _rounded(found.scales),
    'leave_one_network_out': summary(one, sources),
    'leave_one_family_out': (
      None if np.isnan(family).any() else summary(family, sources)
    ),
    'anchors': [
      {
        'network': a.network, 'width': a.width, 'resolution': a.resolution,
        'ms': a.ms, 'source': a.source, 'left_out_error': round(float(e), 4),
      }
      for a, e in zip(anchors.anchors, one, strict=True)
    ],
  }  # fmt: skip


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
  return {name: round(float(value), 4) for name, value in values.items()}


def summary(errors: np.ndarray, sources: Sequence[str]) -> dict[str, Any]:
  """Mean absolute, root mean square and largest error, and by source."""
  absolute, counts = np.abs(errors), Counter(sources)
  return {
    'mean': round(float(absolute.mean()), 4),
    'rms': round(float(np.sqrt((errors**2).mean())), 4),
    'max': round(float(absolute.max()), 4),
    'by_source': {
      source: {
        'mean': round(float(absolute[np.array(sources) == source].mean()), 4),
        'anchors': count,
      }
      for source, count in counts.items()
    },
  }


def _provenance(
  table: LatencyTable, anchors: AnchorSet, how: Mapping[str, Any]
) -> dict[str, Any]:
  host, phone = table.provenance, anchors.provenance
  cited = phone['sources']
  used = how['leave_one_network_out']['by_source']
  family = how['leave_one_family_out'] or {'rms': 0.0}
  told = ('chip', 'cores', 'affinity', 'threads', 'runtime', 'version')
  return {
    'device': f'{phone["device"]} (transferred, not measured)',
    **{name: phone[name] for name in (*told, 'delegate')},
    'dtype': table.dtype,
    'batch': phone['batch'],
    'protocol': (
      f'transferred, not measured: times of {host["device"]}, fitted by the '
      'work of operations, each kind of operation times a factor, so that '
      f'networks take what {how["main_source"]} prints for the phone'
    ),
    'date': host['date'],
    'source': (
      f'transferred by mobilenet-jax from {host["device"]} by latencies of '
      f'{", ".join(used)}'
    ),
    'licence': f'{host["licence"]}; anchors: {phone["licence"]}',
    'unit': table.unit,
    'network_error': max(how['leave_one_network_out']['rms'], family['rms']),
    'sources': {source: cited[source] for source in used},
    'transfer': dict(how),
  }
