"""Factors that carry times from one device to another, from a few totals.

A network's latency on the other device is taken to be

    scale[source] * (overhead + sum over kinds: factor[kind] * time[kind])

with its time on the known device split by kind of operation. Networks are few
and kinds are several, so the fit is the most probable one under what is known
of such numbers beforehand, and only as many anchors as there are move it away
from that: kinds of operation of two processors differ less than processors
do, sources on one phone differ by some ten percent, and what a network costs
beside its operations is small (`Prior`). Results hardly change when these are
doubled or halved (experiments/latency/calibration.md).
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

ROUNDS = 50
SETTLED = 1e-7


@dataclass(frozen=True)
class Prior:
  """What is taken to be likely: standard deviations.

  Attributes:
    network: of networks around the formula, relative; twice what is seen, as
      networks of one grid are wrong alike and tell less than as many others.
    factor: of factors around their common one, relative.
    source: of the logarithms of scales around 0.
    overhead: of the overhead around 0, as a share of a mean network.
  """

  network: float = 0.1
  factor: float = 0.3
  source: float = 0.1
  overhead: float = 0.02


PRIOR = Prior()


@dataclass(frozen=True)
class Totals:
  """Networks whose latency is known on both devices.

  Attributes:
    times: milliseconds on the known device by kind, [networks, kinds].
    overheads: how often a network pays the overhead, [networks].
    ms: on the other device, [networks].
    sources: who says so, [networks].
  """

  times: np.ndarray
  overheads: np.ndarray
  ms: np.ndarray
  sources: np.ndarray

  def take(self, which: np.ndarray) -> 'Totals':
    """Some of the networks, by a mask or by positions."""
    return Totals(
      **{f.name: getattr(self, f.name)[which] for f in dataclasses.fields(self)}
    )


@dataclass(frozen=True)
class Factors:
  """From times by kind to latencies.

  Attributes:
    kinds: factors, [kinds].
    overhead_ms: of a network.
    scales: of sources; 1 for others.
  """

  kinds: np.ndarray
  overhead_ms: float
  scales: Mapping[str, float]

  def predict(self, totals: Totals) -> np.ndarray:
    """Milliseconds as their sources would print them, [networks]."""
    scale = np.array([self.scales.get(s, 1.0) for s in totals.sources])
    return scale * self.unscaled(totals)

  def unscaled(self, totals: Totals) -> np.ndarray:
    """Milliseconds without the scales of sources, [networks]."""
    return totals.times @ self.kinds + self.overhead_ms * totals.overheads

  def at(self, source: str) -> 'Factors':
    """The same, with a source's scale put at 1."""
    unit = self.scales[source]
    scales = {name: scale / unit for name, scale in self.scales.items()}
    return Factors(self.kinds * unit, self.overhead_ms * unit, scales)


def fit(totals: Totals, prior: Prior = PRIOR) -> Factors:
  """The most probable factors: scales and the rest are fitted in turn."""
  found = Factors(np.zeros(0), 0.0, dict.fromkeys(totals.sources.tolist(), 1.0))
  for _ in range(ROUNDS):
    before = found.scales
    found = _fit_kinds(totals, before, prior)
    scales = _fit_scales(totals, found, prior)
    found = dataclasses.replace(found, scales=scales)
    if max(abs(scales[s] - before[s]) for s in before) < SETTLED:
      break
  return found


def _fit_kinds(
  totals: Totals, scales: Mapping[str, float], prior: Prior
) -> Factors:
  """Non-negative least squares of relative errors and of what is unlikely."""
  from scipy.optimize import nnls

  wanted = totals.ms / np.array([scales[s] for s in totals.sources])
  relative = totals.times / wanted[:, None]
  whole = relative.sum(1)
  common = whole.sum() / (whole @ whole)
  mean = np.exp(np.log(wanted).mean())
  overhead = totals.overheads * mean / wanted
  kinds = totals.times.shape[1]
  spreads = np.array([prior.factor] * kinds + [prior.overhead])
  weights = prior.network / spreads
  likely = np.array([1.0] * kinds + [0.0])
  unknown, _ = nnls(
    np.vstack(
      [np.column_stack([relative * common, overhead]), np.diag(weights)]
    ),
    np.concatenate([np.ones(len(wanted)), weights * likely]),
  )
  return Factors(unknown[:-1] * common, float(unknown[-1] * mean), scales)


def _fit_scales(
  totals: Totals, found: Factors, prior: Prior
) -> dict[str, float]:
  """Mean logarithms of what sources print more, drawn towards 0."""
  more = np.log(totals.ms / found.unscaled(totals))
  pull = (prior.network / prior.source) ** 2
  logs = {}
  for source in found.scales:
    own = more[totals.sources == source]
    logs[source] = own.sum() / (len(own) + pull)
  # a level that all share is the factors'
  shared = np.mean(list(logs.values()))
  return {source: float(np.exp(v - shared)) for source, v in logs.items()}


def leave_out(
  totals: Totals, groups: Sequence[str], prior: Prior = PRIOR
) -> np.ndarray:
  """Relative errors of networks by fits without all those of their group.

  Returns:
    Predicted over known, less 1, [networks]; NaN where there is one group.
  """
  return for_each_group(groups, lambda held: error_of(totals, held, prior))


def error_of(
  totals: Totals, held: np.ndarray, prior: Prior = PRIOR
) -> np.ndarray:
  """Relative errors of some networks, a mask, by a fit to the others."""
  some = totals.take(held)
  return fit(totals.take(~held), prior).predict(some) / some.ms - 1


def for_each_group(
  groups: Sequence[str], errors_of: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
  """Errors of networks, found group by group.

  Args:
    errors_of: of the networks of a group, a mask that others are not in.

  Returns:
    [networks]; NaN where there is one group.
  """
  labels, errors = np.array(groups), np.full(len(groups), np.nan)
  for label in dict.fromkeys(groups):
    held = labels == label
    if not held.all():
      errors[held] = errors_of(held)
  return errors
