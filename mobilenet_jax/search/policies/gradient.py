"""MnasNet's policy gradient, with TuNAS's controller in the place of its RNN.

Tan et al. (arXiv 1807.11626), section 4.3: a controller samples a batch of
networks, each is trained and gets its reward, and PPO (Schulman et al.,
arXiv 1707.06347, equation 7) moves the controller towards the better ones.

Differences from the paper: decisions are independent categoricals whose logits
are the only parameters, as in TuNAS (arXiv 2008.06120), not the outputs of an
RNN that sees the decisions before; the baseline is a zero-debiased moving
average of rewards; decisions that a network does not reach do not count in its
probability; no entropy bonus. So there is nothing to be kept beside the trials:
the logits are learnt again from all that have finished, in batches by their
numbers, whenever a network is wanted.
"""

import functools
from collections.abc import Sequence

import numpy as np

from mobilenet_jax.search.policies.base import Policy, Scored
from mobilenet_jax.space import SearchSpace
from mobilenet_jax.space.reach import reach_tensor, reached

EMA_MOMENTUM = 0.9
CLIP = 0.2  # of PPO's ratio
EPOCHS = 4  # over a batch
ADAM = (0.9, 0.999, 1e-8)


class PolicyGradient(Policy):
  """Samples from the logits of `learn`."""

  def __init__(
    self,
    space: SearchSpace,
    seed: int,
    number: int,
    batch: int,
    learning_rate: float,
  ):
    super().__init__(space, seed, number)
    self.batch, self.learning_rate = batch, learning_rate

  def propose(self, found: Sequence[Scored]) -> tuple[int, ...]:
    """Overrides `Policy`'s."""
    whole = len(found) // self.batch * self.batch
    logits = learn(
      self.space, tuple(found[:whole]), self.batch, self.learning_rate
    )
    odds = np.cumsum(softmax(logits), 1)
    dice = self.rng.random((len(odds), 1)) * odds[:, -1:]
    return tuple(int(i) for i in np.argmax(dice < odds, 1))


@functools.lru_cache(maxsize=4)  # until a batch is whole it is asked again
def learn(
  space: SearchSpace,
  found: tuple[Scored, ...],
  batch: int,
  learning_rate: float,
) -> np.ndarray:
  """The logits after whole batches of finished trials.

  Returns:
    float [decisions, most choices]; -inf where there is no choice.
  """
  sizes = np.asarray(list(space.decisions.values()))
  valid = np.arange(sizes.max()) < sizes[:, None]
  logits = np.where(valid, 0.0, -np.inf)
  if not found:
    return logits
  vectors = np.asarray([vector for vector, _ in found])
  rewards = np.asarray([reward for _, reward in found])
  reached = _reached(space, vectors)
  adam, ema = _Adam(logits.shape), 0.0
  for count, i in enumerate(range(0, len(found), batch), 1):
    part = slice(i, i + batch)
    ema = EMA_MOMENTUM * ema + (1 - EMA_MOMENTUM) * rewards[part].mean()
    gains = rewards[part] - ema / (1 - EMA_MOMENTUM**count)
    before = _log_probability(logits, vectors[part], reached[part])
    for _ in range(EPOCHS):
      slope = _slope(logits, vectors[part], reached[part], gains, before)
      step = learning_rate * adam.direction(slope)
      logits = np.where(valid, logits + step, -np.inf)
  return logits


def softmax(logits: np.ndarray) -> np.ndarray:
  """Probabilities of the last axis."""
  odds = np.exp(logits - logits.max(-1, keepdims=True))
  return odds / odds.sum(-1, keepdims=True)


_reach = functools.lru_cache(maxsize=4)(reach_tensor)


def _reached(space: SearchSpace, vectors: np.ndarray) -> np.ndarray:
  """bool [trials, decisions]: the decisions that matter in each network."""
  return np.stack([reached(_reach(space), vector) for vector in vectors])


def _log_probability(
  logits: np.ndarray, vectors: np.ndarray, reached: np.ndarray
) -> np.ndarray:
  """float [trials]: of the decisions that are reached."""
  chosen = softmax(logits)[np.arange(len(logits)), vectors]
  return np.sum(np.log(chosen) * reached, 1)


def _slope(
  logits: np.ndarray,
  vectors: np.ndarray,
  reached: np.ndarray,
  gains: np.ndarray,
  before: np.ndarray,
) -> np.ndarray:
  """Gradient by the logits of PPO's clipped objective, meant over trials.

  Where the ratio has moved beyond the clip in its gain's direction, a trial
  has no gradient.
  """
  ratio = np.exp(_log_probability(logits, vectors, reached) - before)
  clipped = np.where(gains > 0, ratio > 1 + CLIP, ratio < 1 - CLIP)
  weights = np.where(clipped, 0.0, ratio * gains) / len(gains)
  chosen = np.eye(logits.shape[1])[vectors]  # [trials, decisions, choices]
  return np.einsum(
    'n,nd,ndc->dc', weights, reached, chosen - softmax(logits)[None]
  )


class _Adam:
  """Adam's direction for one array; Kingma and Ba (arXiv 1412.6980)."""

  def __init__(self, shape: tuple[int, ...]):
    self._mean, self._square = np.zeros(shape), np.zeros(shape)
    self._count = 0

  def direction(self, slope: np.ndarray) -> np.ndarray:
    """Moves the averages on by one gradient."""
    b1, b2, epsilon = ADAM
    self._count += 1
    self._mean = b1 * self._mean + (1 - b1) * slope
    self._square = b2 * self._square + (1 - b2) * slope**2
    mean = self._mean / (1 - b1**self._count)
    square = self._square / (1 - b2**self._count)
    return mean / (np.sqrt(square) + epsilon)
