"""Estimates of blocks that a table lacks: a larger block never costs less.

The rows are fitted by non-negative costs of the work that their operations do,
see `features_of`. An estimate is then put between two measured blocks of its
kind: it costs at least the dearest of those that it contains, and at most the
cheapest of those that contain it; where these contradict each other, the
former counts. A block contains another if its image and kernel are no smaller
and it does nowhere less work. All of this grows with image, kernel and work,
so no block is estimated to cost less than one that it contains. (Work alone
would not do: where a runtime has no code of its own for a kernel, such blocks
cost several times as much as others that do more.)

A block with a larger image, kernel or number of channels contains the smaller
one, but where

- it loses a part: the shortcut, as only one of `in_channels` and
  `out_channels` grows, or the expansion, as `in_channels` grow to `expanded`;
- an operation becomes one of another kind (`operations.WORK`): a kernel, an
  image or a number of channels grows from 1, or channels past their groups;
- the padding does not grow with the kernel, so that the output shrinks: a
  number of zeros of the block's own, an even kernel in a network of symmetric
  padding;
- the input stands for a part of the output (a ShuffleNet unit that is `down`).
"""

import functools
from collections.abc import Mapping

import numpy as np

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.key import BlockKey
from mobilenet_jax.latency.operations import WORK, work
from mobilenet_jax.latency.timing import Timing

MOST_LEFT_OUT = 200  # rows, to tell the error


class Interpolation:
  """Fitted to the rows of a table; called with a key, gives its timing.

  Attributes:
    cost: milliseconds of what `features_of` counts.
  """

  def __init__(self, rows: Mapping[BlockKey, Timing]):
    """Fits.

    Raises:
      UserError: no row has a time.
    """
    known = _timed(rows)
    if not known:
      raise UserError('Cannot interpolate: no block of the table has a time.')
    self._kinds = np.array([key.kind for key in known])
    self._ms = np.array([rows[key].ms for key in known])
    self._work = np.array([features_of(key) for key in known])
    self._extent = np.array(
      [_extent(k, w) for k, w in zip(known, self._work, strict=True)]
    )
    self._seen = (self._work > 0).any(0)
    self.cost = _fit(self._work, self._ms)

  def __call__(self, key: BlockKey) -> Timing:
    """Returns an estimate, its standard deviation that of `error`.

    Raises:
      UserError: no row has an operation of a kind that the block has.
    """
    features = features_of(key)
    unknown = self._unknown(features)
    if len(unknown):
      kind = WORK[unknown[0] // 3]
      raise UserError(
        f'Cannot interpolate "{key}": no block of the table has a {kind} '
        'operation.'
      )
    others = self._kinds == key.kind
    ms = self._bounded(
      float(features @ self.cost), _extent(key, features), others
    )
    return Timing(ms, std_ms=self.error * ms)

  def knows(self, key: BlockKey) -> bool:
    """Whether a block can be estimated."""
    return not len(self._unknown(features_of(key)))

  def _unknown(self, features: np.ndarray) -> np.ndarray:
    """Which of a block's features no row has."""
    return np.flatnonzero((features > 0) & ~self._seen)

  def _bounded(
    self, ms: float, extent: np.ndarray, others: np.ndarray
  ) -> float:
    """What the fit says, put between some of the rows."""
    rows, times = self._extent[others], self._ms[others]
    lower = times[(rows <= extent).all(1)].max(initial=0.0)
    upper = times[(rows >= extent).all(1)].min(initial=np.inf)
    return float(max(lower, min(ms, upper)))

  @functools.cached_property
  def error(self) -> float:
    """Of estimates of rows by the others: relative, root mean square.

    Up to `MOST_LEFT_OUT` rows are left out, one by one. Those that cannot be
    estimated by others tell nothing; where that is all, the error is 1.
    """
    fitted, leverage = _left_out(self._work, self._ms, self.cost)
    tried = np.flatnonzero(leverage < 1 - 1e-6)  # others have such work, too
    tried = np.random.default_rng(0).permutation(tried)[:MOST_LEFT_OUT]
    found = []
    for i in tried:
      others = self._kinds == self._kinds[i]
      others[i] = False
      found.append(self._bounded(fitted[i], self._extent[i], others))
    if not found:
      return 1.0
    off = np.array(found) / self._ms[tried] - 1
    return float(np.sqrt(np.mean(off**2)))


def _timed(rows: Mapping[BlockKey, Timing]) -> list[BlockKey]:
  """The rows to learn from: of those with repeats, if any has some.

  One without may hold the work of others; in a table that was computed, a
  transferred one, all are without.
  """
  timed = [key for key in rows if rows[key].n]
  return timed or [key for key in rows if rows[key].ms > 0]


def features_of(key: BlockKey) -> np.ndarray:
  """Multiply-adds, numbers moved and operations, of each kind of work."""
  found = np.zeros((len(WORK), 3))
  for row in work(key):
    found[WORK.index(row.kind)] += (row.macs, row.moved, 1)
  return found.ravel()


def _extent(key: BlockKey, features: np.ndarray) -> np.ndarray:
  """All that must be no smaller in a block that contains another."""
  return np.array([*features, key.in_size, key.kernel])


def _fit(features: np.ndarray, ms: np.ndarray) -> np.ndarray:
  """Non-negative least squares of the relative error."""
  from scipy.optimize import nnls

  scale = features.max(0)
  scale[scale == 0] = 1.0
  relative = features / scale / ms[:, None]
  cost, _ = nnls(relative, np.ones(len(features)))
  return cost / scale


def _left_out(
  features: np.ndarray, ms: np.ndarray, cost: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """What the fit without a row says of it, and how far the row made the fit.

  Costs that are 0 are taken to stay so without the row; then the fit is plain
  least squares, whose residual r grows to r / (1 - leverage).
  """
  used = features[:, cost > 0] * cost[cost > 0] / ms[:, None]
  leverage = (np.linalg.qr(used).Q ** 2).sum(1)
  residual = used.sum(1) - 1
  return ms * (1 + residual / np.maximum(1 - leverage, 1e-6)), leverage
