"""From a controller, or from nothing, to choice vectors within a window."""

import heapq
from collections.abc import Callable, Sequence

import numpy as np

from mobilenet_jax.core.errors import JobError, UserError
from mobilenet_jax.space import SearchSpace

Price = Callable[[Sequence[int]], float]
MOST_TRIES = 200_000
MOST_DRAWS = 20_000


def likeliest_within(
  logits: np.ndarray,
  price: Price,
  target_ms: float,
  tolerance: float,
) -> tuple[int, ...]:
  """The most probable choice vector that costs target_ms +- tolerance.

  Vectors are visited in the order of their probability, so that this is the
  argmax of every decision wherever that keeps to the limit.

  Args:
    logits: [decisions, most choices], -inf where there is no choice.
    tolerance: relative.

  Raises:
    JobError: none of the MOST_TRIES likeliest vectors fits.
  """
  order = np.argsort(-logits, 1, kind='stable')
  ranked = np.take_along_axis(logits, order, 1)
  losses = ranked[:, :1] - ranked  # of taking the n-th best
  # a vector is reached from one other only: that with its last advanced
  # decision one rank back
  heap = [(0.0, (0,) * len(logits), 0)]
  for _ in range(MOST_TRIES):
    if not heap:
      break
    loss, ranks, last = heapq.heappop(heap)
    vector = tuple(int(order[d, r]) for d, r in enumerate(ranks))
    if abs(price(vector) / target_ms - 1) <= tolerance:
      return vector
    for d in range(last, len(ranks)):
      rank = ranks[d] + 1
      if rank < losses.shape[1] and np.isfinite(losses[d, rank]):
        step = float(losses[d, rank] - losses[d, rank - 1])
        after = (*ranks[:d], rank, *ranks[d + 1 :])
        heapq.heappush(heap, (loss + step, after, d))
  raise JobError(
    f'No likely network costs {target_ms:g} ms +- {tolerance:.0%}; the search '
    'has not come near its target. Search longer or widen the tolerance.'
  )


def drawn_within(
  logits: np.ndarray,
  price: Price,
  target_ms: float,
  tolerance: float,
  count: int,
  seed: int,
) -> list[tuple[int, ...]]:
  """Up to `count` distinct vectors that a controller draws within a window;
  fewer where MOST_DRAWS draws hold fewer."""
  rng = np.random.default_rng([seed, 2])
  odds = np.exp(logits - logits.max(1, keepdims=True))
  edges = np.cumsum(odds / odds.sum(1, keepdims=True), 1)
  found: list[tuple[int, ...]] = []
  for _ in range(MOST_DRAWS):
    if len(found) == count:
      break
    dice = rng.random((len(logits), 1))
    vector = tuple(int(i) for i in np.argmax(dice < edges, 1))
    near = abs(price(vector) / target_ms - 1) <= tolerance
    if near and vector not in found:
      found.append(vector)
  return found


def random_within(
  space: SearchSpace,
  price: Price,
  target_ms: float,
  tolerance: float,
  count: int,
  seed: int,
) -> list[tuple[int, ...]]:
  """Distinct random choice vectors that cost target_ms +- tolerance.

  Raises:
    UserError: MOST_TRIES uniform draws do not hold as many.
  """
  rng = np.random.default_rng([seed, 1])
  found: list[tuple[int, ...]] = []
  for _ in range(MOST_TRIES):
    if len(found) == count:
      return found
    vector = space.sample(rng)
    near = abs(price(vector) / target_ms - 1) <= tolerance
    if near and vector not in found:
      found.append(vector)
  raise UserError(
    f'Found {len(found)} of {count} random networks at {target_ms:g} ms '
    f'+- {tolerance:.0%} in {MOST_TRIES} draws; the target is too near the '
    'edge of the space.'
  )
