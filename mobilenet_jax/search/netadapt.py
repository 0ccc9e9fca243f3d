"""NetAdapt: a trained network made narrower step by step, to a latency.

Every step proposes networks, each with one group of channels narrower: an
expansion, or the output of all blocks that shortcuts join. A proposal keeps
the most channels with which latency falls by at least `delta`. All are trained
a little; the best one is where the next step starts.

MobileNetV3 (arXiv 1905.02244, section 4.2): delta is 1 % of the seed's latency
in every step, and the best has the largest gain of accuracy over fall of
latency. The original (arXiv 1804.03230): 2.5 % of it, times 0.96 every step,
and the least loss of accuracy over fall of latency.

Differences from the papers: the widths of stem and head are proposed, too;
where no proposal falls by delta, those are taken that fall at all, so that
whatever is not slower than the narrowest network is reached.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.core.errors import JobError
from mobilenet_jax.models.widths import Width, widths, with_widths

Criterion = Literal['v3', 'netadapt']
CRITERIA: tuple[Criterion, ...] = ('v3', 'netadapt')

# milliseconds of networks, all asked for at once: unknown blocks are measured
Prices = Callable[[Sequence[ArchSpec]], Sequence[float]]


@dataclass(frozen=True)
class Settings:
  """Of a refinement.

  Attributes:
    target_ms: latency to come down to.
    delta_ms: by how much the first step comes down at least.
    decay: what that is multiplied by from step to step.
    criterion: 'v3' or 'netadapt', see `score`.
  """

  target_ms: float
  delta_ms: float
  decay: float
  criterion: Criterion


@dataclass(frozen=True)
class Proposal:
  """A network with one group of channels narrower.

  Attributes:
    spec: the network.
    group: name of the group, see `models.widths`.
    before, after: channels of the group.
    ms: latency.
  """

  spec: ArchSpec
  group: str
  before: int
  after: int
  ms: float


@dataclass(frozen=True)
class Point:
  """A network on the way, with its latency and held-out accuracy."""

  spec: ArchSpec
  ms: float
  accuracy: float


@dataclass(frozen=True)
class Trial:
  """A proposal that has been trained.

  Attributes:
    iteration: from 1.
    number: of the proposal in its iteration, from 0.
    proposal: the network.
    accuracy: on held-out images.
    score: the larger the better.
    leads: whether it is the best of its iteration so far.
  """

  iteration: int
  number: int
  proposal: Proposal
  accuracy: float
  score: float
  leads: bool


def iterations(cut: float, delta: float, decay: float) -> float:
  """How many steps come down far enough where each cuts the least it may;
  infinite where decaying steps never would.

  Args:
    cut: by how much to come down.
    delta: of the first step, in the unit of `cut`.
    decay: of delta from step to step.
  """
  steps = cut / delta
  if decay == 1:
    return math.ceil(steps)
  left = 1 - steps * (1 - decay)  # of the last step, in units of the first
  return math.ceil(math.log(left, decay)) if left > 0 else math.inf


def proposals(at: Point, delta_ms: float, prices: Prices) -> list[Proposal]:
  """One proposal a group of channels, in the order of the network.

  A group whose narrowest form does not cut `delta_ms` has none; where that is
  all of them, each of those forms that cuts anything is proposed. Latency is
  taken to grow with channels: the most channels are found by bisection, of
  all groups at the same time, so that few calls of `prices` are made.
  """
  groups = [width for width in widths(at.spec) if width.fewer]
  found = _widest(at.spec, groups, at.ms - delta_ms, prices)
  if any(found):
    return [proposal for proposal in found if proposal]
  made = [_proposal(at.spec, width, width.least) for width in groups]
  priced = zip(groups, made, prices(made), strict=True)
  return [
    Proposal(spec, width.name, width.channels, width.least, ms)
    for width, spec, ms in priced
    if ms < at.ms
  ]


def _widest(
  spec: ArchSpec, groups: Sequence[Width], limit_ms: float, prices: Prices
) -> list[Proposal | None]:
  """The widest form of each group within a latency."""
  found: list[Proposal | None] = [None] * len(groups)
  low = [0] * len(groups)  # of `fewer`, the first that may be the one
  high = [len(width.fewer) for width in groups]  # the first that is too slow
  while unsure := [i for i in range(len(groups)) if low[i] < high[i]]:
    middle = {i: (low[i] + high[i]) // 2 for i in unsure}
    made = [
      _proposal(spec, groups[i], groups[i].fewer[middle[i]]) for i in unsure
    ]
    for i, narrower, ms in zip(unsure, made, prices(made), strict=True):
      width = groups[i]
      if ms > limit_ms:
        high[i] = middle[i]
        continue
      low[i] = middle[i] + 1
      after = width.fewer[middle[i]]
      found[i] = Proposal(narrower, width.name, width.channels, after, ms)
  return found


def _proposal(spec: ArchSpec, width: Width, channels: int) -> ArchSpec:
  return with_widths(spec, {width.name: channels})


def score(at: Point, accuracy: float, ms: float, criterion: Criterion) -> float:
  """How good a proposal is; larger is better.

  'v3': (acc - acc0) / (ms0 - ms). 'netadapt': the negative of
  (acc0 - acc + 1e-6) / (ms0 - ms + 1e-5), which the original minimizes.
  """
  if criterion == 'v3':
    return (accuracy - at.accuracy) / (at.ms - ms)
  return -(at.accuracy - accuracy + 1e-6) / (at.ms - ms + 1e-5)


def refine(
  at: Point,
  settings: Settings,
  prices: Prices,
  tune: Callable[[int, Proposal], float],
  seen: Callable[[Trial], None],
  settle: Callable[[Trial], None],
  done: int = 0,
) -> Point:
  """Comes down to the target, step by step.

  Args:
    at: the seed, or where an earlier run has settled last.
    settings: how far and how.
    prices: of networks.
    tune: (iteration, proposal) -> held-out accuracy after a little training.
    seen: told of every proposal once it is trained.
    settle: told of the best of an iteration.
    done: iterations that were settled before.

  Returns:
    The first point at or below the target.

  Raises:
    JobError: no group can be narrowed any more, and the target is not reached.
  """
  while at.ms > settings.target_ms:
    delta = settings.delta_ms * settings.decay**done
    done += 1
    best: Trial | None = None
    found = proposals(at, delta, prices)
    for number, proposal in enumerate(found):
      accuracy = tune(done, proposal)
      worth = score(at, accuracy, proposal.ms, settings.criterion)
      leads = best is None or worth > best.score
      trial = Trial(done, number, proposal, accuracy, worth, leads)
      seen(trial)
      best = trial if leads else best
    if best is None:
      raise JobError(
        f'No narrower network is faster than {at.ms:.4g} ms by these prices, '
        f'and the target of {settings.target_ms:g} ms is not reached.'
      )
    settle(best)
    chosen = best.proposal
    at = Point(chosen.spec, chosen.ms, best.accuracy)
  return at
