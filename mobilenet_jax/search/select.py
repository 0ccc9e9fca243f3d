"""From a controller, or from nothing, to choice vectors within a window.

Vectors that differ only in decisions which the network does not reach are one
network, and are taken once. A controller that has converged leaves just these
undecided, so that nearly all that it draws are the same few networks.
"""

import heapq
from collections.abc import Callable, Sequence

import numpy as np

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.bounds import in_window
from mobilenet_jax.search.evidence import Vector
from mobilenet_jax.space import SearchSpace
from mobilenet_jax.space.reach import Way, ways

Price = Callable[[Sequence[int]], float]
RIVALS, CONTROLLER = 1, 2  # random streams of a run's seed
MOST_TRIES = 200_000  # likeliest networks that are looked at
MOST_DRAWS = 100_000  # by `distinct`


def likeliest_within(
  space: SearchSpace,
  logits: np.ndarray,
  price: Price,
  target_ms: float,
  tolerance: float,
) -> Vector | None:
  """The most probable choice vector that costs target_ms +- tolerance; None
  where none of the MOST_TRIES likeliest networks does.

  Networks are visited in the order of their probability, so that this is the
  argmax of every decision wherever that keeps to the limit. A decision that is
  not reached has its argmax: other choices of it are no other networks.

  Args:
    logits: [decisions, most choices], -inf where there is no choice.
    tolerance: relative.
  """
  turns = _turns(space)
  rows = logits[[d for d, _ in turns]]
  order = np.argsort(-rows, 1, kind='stable')
  ranked = np.take_along_axis(rows, order, 1)
  losses = ranked[:, :1] - ranked  # of taking the n-th best
  # a vector is reached from one other only: that with its last advanced
  # decision one rank back
  heap = [(0.0, (0,) * len(turns), 0)]
  for _ in range(MOST_TRIES):
    if not heap:
      break
    loss, ranks, last = heapq.heappop(heap)
    vector = [0] * len(turns)
    for turn, (d, _) in enumerate(turns):
      vector[d] = int(order[turn, ranks[turn]])
    if in_window(price(vector), target_ms, tolerance):
      return tuple(vector)
    for turn in range(last, len(turns)):
      rank = ranks[turn] + 1
      if rank == losses.shape[1] or not np.isfinite(losses[turn, rank]):
        continue
      if _matters(turns[turn][1], vector):
        step = float(losses[turn, rank] - losses[turn, rank - 1])
        after = (*ranks[:turn], rank, *ranks[turn + 1 :])
        heapq.heappush(heap, (loss + step, after, turn))
  return None


Conditions = list[tuple[int, tuple[bool, ...]]]  # masks by position


def _turns(space: SearchSpace) -> list[tuple[int, list[Conditions]]]:
  """The decisions, those that others depend on first: the position of each,
  and by what earlier ones it is reached.

  Where two depend on each other the first counts as reached, whatever the
  second is: so every network has a vector whose decisions were all reached
  when their turn came.
  """
  found, tags = ways(space.spec), space.tags
  masters = {t: {k for way in found.get(t, ()) for k in way} for t in tags}
  turns: list[tuple[int, list[Conditions]]] = []
  earlier: dict[str, int] = {}
  for tag in sorted(tags, key=lambda t: len(masters[t])):
    several = [_among(earlier, way) for way in found.get(tag, ())]
    turns.append((tags.index(tag), several))
    earlier[tag] = tags.index(tag)
  return turns


def _among(positions: dict[str, int], way: Way) -> Conditions:
  """What a way asks of some of the decisions."""
  return [(positions[t], mask) for t, mask in way.items() if t in positions]


def _matters(several: list[Conditions], vector: Sequence[int]) -> bool:
  """Whether a decision is reached in any of its ways."""
  return any(all(mask[vector[d]] for d, mask in way) for way in several)


def distinct(
  space: SearchSpace,
  draw: Callable[[], Vector],
  fits: Callable[[Vector], bool],
  count: int,
) -> list[Vector]:
  """Up to `count` drawn choice vectors that fit, of as many networks; fewer
  where MOST_DRAWS draws hold fewer."""
  found: dict[Vector, Vector] = {}
  for _ in range(MOST_DRAWS):
    if len(found) == count:
      break
    vector = draw()
    if fits(vector):
      found.setdefault(space.canonical(vector), vector)
  return list(found.values())


def drawn_within(
  space: SearchSpace,
  logits: np.ndarray,
  price: Price,
  target_ms: float,
  tolerance: float,
  count: int,
  seed: int,
) -> list[Vector]:
  """Up to `count` networks that a controller draws within a window; see
  `distinct`."""
  rng = np.random.default_rng([seed, CONTROLLER])
  odds = np.exp(logits - logits.max(1, keepdims=True))
  edges = np.cumsum(odds / odds.sum(1, keepdims=True), 1)

  def draw() -> Vector:
    dice = rng.random((len(logits), 1))
    return tuple(int(i) for i in np.argmax(dice < edges, 1))

  fits = lambda vector: in_window(price(vector), target_ms, tolerance)
  return distinct(space, draw, fits, count)


def uniform(
  space: SearchSpace,
  fits: Callable[[Vector], bool],
  count: int,
  seed: int,
) -> list[Vector]:
  """Up to `count` random networks that fit, the same ones whoever asks; see
  `distinct`."""
  rng = np.random.default_rng([seed, RIVALS])
  return distinct(space, lambda: space.sample(rng), fits, count)


def random_within(
  space: SearchSpace,
  price: Price,
  target_ms: float,
  tolerance: float,
  count: int,
  seed: int,
  least: int | None = None,
) -> list[Vector]:
  """Random networks that cost target_ms +- tolerance.

  Args:
    least: how many will do; `count` by default.

  Raises:
    UserError: MOST_DRAWS uniform draws do not hold as many.
  """
  fits = lambda vector: in_window(price(vector), target_ms, tolerance)
  found = uniform(space, fits, count, seed)
  if len(found) < (count if least is None else least):
    raise UserError(
      f'Found {len(found)} of {count} random networks at {target_ms:g} ms '
      f'+- {tolerance:.0%} in {MOST_DRAWS} draws; the target is too near the '
      'edge of the space.'
    )
  return found
