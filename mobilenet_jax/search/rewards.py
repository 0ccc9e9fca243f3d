"""What a search maximizes: quality and latency in one number.

Every reward is (quality, latency_ms, target_ms, beta) -> reward, of floats,
NumPy or JAX arrays. Several devices are folded in one after another, see
`over_devices`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mobilenet_jax.core.errors import UserError, did_you_mean

Number = Any  # a float, or an array of NumPy or JAX
Reward = Callable[[Number, Number, float, float], Number]


def absolute(
  quality: Number, latency_ms: Number, target_ms: float, beta: float
) -> Number:
  """quality + beta * |latency / target - 1|, with beta below 0.

  TuNAS (arXiv 2008.06120), section 3: one search lands on the target.
  """
  return quality + beta * abs(latency_ms / target_ms - 1.0)


def mnasnet_soft(
  quality: Number, latency_ms: Number, target_ms: float, beta: float
) -> Number:
  """quality * (latency / target) ** beta, with beta below 0.

  MnasNet (arXiv 1807.11626), equation 2 with alpha = beta: -0.07 makes a
  doubled latency worth 5 % of the quality; MobileNetV3-Small took -0.15
  (arXiv 1905.02244, section 4.1). It prefers no latency: landing on a target
  takes several searches, or several values of beta.
  """
  return quality * (latency_ms / target_ms) ** beta


def mnasnet_hard(
  quality: Number, latency_ms: Number, target_ms: float, beta: float
) -> Number:
  """quality, times (latency / target) ** beta where that is above the target.

  MnasNet (arXiv 1807.11626), equation 2 with alpha = 0; the paper's beta is
  -1.
  """
  over = latency_ms / target_ms - 1.0
  excess = (over + abs(over)) / 2  # 0 below the target, in every library
  return quality * (1.0 + excess) ** beta


REWARDS: Mapping[str, Reward] = {
  'absolute': absolute,
  'mnasnet_soft': mnasnet_soft,
  'mnasnet_hard': mnasnet_hard,
}


def find_reward(name: str) -> Reward:
  """The reward of a name.

  Raises:
    UserError: there is none; the nearest is named.
  """
  if name not in REWARDS:
    raise UserError(
      f'Unknown search.reward {name!r}.{did_you_mean(name, REWARDS)}'
    )
  return REWARDS[name]


def over_devices(
  name: str,
  quality: Number,
  latencies_ms: Sequence[Number],
  targets_ms: Sequence[float],
  beta: float,
) -> Number:
  """A reward that minds the latency on every device, each with its target.

  The absolute reward adds a term a device, MnasNet's multiplies a factor a
  device.

  Args:
    name: of `REWARDS`.
    latencies_ms, targets_ms: one a device.

  Raises:
    UserError: an unknown name.
  """
  reward = find_reward(name)
  for latency_ms, target_ms in zip(latencies_ms, targets_ms, strict=True):
    quality = reward(quality, latency_ms, target_ms, beta)
  return quality
