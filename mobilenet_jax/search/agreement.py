"""Whether shared weights rank networks as training them alone does."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mobilenet_jax.core.errors import UserError

DRAWS = 2000
SHARE = 0.95
FEWEST = 5


@dataclass(frozen=True)
class Agreement:
  """Kendall's tau-b of two lists of accuracies, and how sure it is.

  Attributes:
    tau: 1 where every pair of networks is ranked alike, -1 where none is.
    low, high: of 95 % of bootstrap samples of the networks.
    networks: how many.
  """

  tau: float
  low: float
  high: float
  networks: int


def agreement(
  inherited: Sequence[float], alone: Sequence[float], seed: int = 0
) -> Agreement:
  """Measures it (Kendall 1945; percentile bootstrap over the networks).

  Args:
    inherited: accuracy of each network with the weights it shares.
    alone: of the same networks, in the same order, each trained on its own.
    seed: of the bootstrap.

  Raises:
    UserError: there are fewer than five networks, or all of them are equal.
  """
  a, b = np.asarray(inherited, float), np.asarray(alone, float)
  if a.shape != b.shape or a.ndim != 1:
    raise ValueError(f'{a.shape} inherited accuracies, {b.shape} of their own')
  if len(a) < FEWEST:
    raise UserError(f'{len(a)} networks are too few; it takes {FEWEST}.')
  if not np.ptp(a) or not np.ptp(b):
    raise UserError('All networks are equally accurate: there are no ranks.')
  rng = np.random.default_rng(seed)
  even = np.full(len(a), 1 / len(a))
  drawn = _tau(a, b, rng.multinomial(len(a), even, DRAWS).astype(float))
  edge = (1 - SHARE) / 2
  low, high = np.nanquantile(drawn, [edge, 1 - edge])
  (tau,) = _tau(a, b, np.ones((1, len(a))))
  return Agreement(float(tau), float(low), float(high), len(a))


def _tau(a: np.ndarray, b: np.ndarray, times: np.ndarray) -> np.ndarray:
  """Tau-b [samples] of networks that a sample has so many times [samples, n];
  nan where either of a and b has one value only."""
  x, y = (np.sign(v[:, None] - v) for v in (a, b))
  over = lambda pairs: np.einsum('si,ij,sj->s', times, pairs, times)
  with np.errstate(invalid='ignore'):
    return over(x * y) / np.sqrt(over(x * x) * over(y * y))
