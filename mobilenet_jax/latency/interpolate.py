"""Estimates of blocks that a table lacks: monotone in channels and MACs.

The rows are fitted by non-negative costs of the work that operations do, so a
block that does more never gets a lower estimate; and an estimate never passes
a measured block of the same form that is larger, or smaller, in all channels.
"""

import functools
from collections.abc import Mapping, Sequence

import numpy as np

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.key import BlockKey
from mobilenet_jax.latency.operations import WORK, work
from mobilenet_jax.latency.timing import Timing


class Interpolation:
  """Fitted to the rows of a table; called with a key, gives its timing."""

  def __init__(self, rows: Mapping[BlockKey, Timing]):
    self._known = _timed(rows)
    self._ms = np.array([rows[key].ms for key in self._known])
    features = np.array([features_of(key) for key in self._known])
    self._seen = (features > 0).any(0)
    self.cost = _fit(features, self._ms)
    fitted = features @ self.cost
    self.error = float(np.sqrt(np.mean((fitted / self._ms - 1) ** 2)))

  def __call__(self, key: BlockKey) -> Timing:
    """Returns an estimate, its standard deviation that of the fit.

    Raises:
      UserError: no row has an operation of a kind that the block has.
    """
    features = features_of(key)
    unknown = np.flatnonzero((features > 0) & ~self._seen)
    if len(unknown):
      kind = WORK[unknown[0] // 3]
      raise UserError(
        f'Cannot interpolate "{key}": no block of the table has a {kind} '
        'operation.'
      )
    lower, upper = self._bounds(key)
    ms = max(lower, min(float(features @ self.cost), upper))
    return Timing(ms, std_ms=self.error * ms)

  def _bounds(self, key: BlockKey) -> tuple[float, float]:
    """Times of the slowest block within this one, and of the fastest around."""
    members, channels = self._families.get(_form(key), ((), np.zeros((0, 4))))
    own = np.array(_channels(key))
    ms = self._ms[list(members)]
    inside = ms[(channels <= own).all(1)]
    around = ms[(channels >= own).all(1)]
    return inside.max(initial=0.0), around.min(initial=np.inf)

  @functools.cached_property
  def _families(self) -> dict[tuple, tuple[list[int], np.ndarray]]:
    found: dict[tuple, list[int]] = {}
    for i, key in enumerate(self._known):
      found.setdefault(_form(key), []).append(i)
    return {
      form: (ids, np.array([_channels(self._known[i]) for i in ids]))
      for form, ids in found.items()
    }


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


def _fit(features: np.ndarray, ms: Sequence[float] | np.ndarray) -> np.ndarray:
  """Non-negative least squares of the relative error."""
  from scipy.optimize import nnls

  scale = features.max(0)
  scale[scale == 0] = 1.0
  relative = features / scale / np.asarray(ms)[:, None]
  cost, _ = nnls(relative, np.ones(len(features)))
  return cost / scale


def _form(key: BlockKey) -> tuple:
  """What a key is beside its channels."""
  return (
    key.kind, key.in_size, key.kernel, key.stride, key.activation,
    key.shortcut, key.detail, key.dtype, key.squeezed > 0,
    key.expanded == key.in_channels,
  )  # fmt: skip


def _channels(key: BlockKey) -> tuple[int, int, int, int]:
  return key.in_channels, key.expanded, key.squeezed, key.out_channels
