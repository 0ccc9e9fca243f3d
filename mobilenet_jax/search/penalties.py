"""What a differentiable search minimizes: loss and expected latency in one.

Every penalty is (loss, expected_ms, target_ms, weight, exponent) -> objective,
differentiable in the first two.
"""

from collections.abc import Callable, Mapping, Sequence

import jax.numpy as jnp
from jax import Array

from mobilenet_jax.core.errors import UserError, did_you_mean

Penalty = Callable[[Array, Array, float, float, float], Array]
SHORTEST_MS = 1e-3  # 'multiply' takes logs of microseconds


def add(
  loss: Array,
  expected_ms: Array,
  target_ms: float,
  weight: float,
  exponent: float,
) -> Array:
  """loss + weight * (E[latency] - target) / target.

  ProxylessNAS (arXiv 1812.00332), equation 5, in its repository's form
  ('add#linear', weight 0.1). Faster is always better, so that the weight, not
  the target, says where it lands.
  """
  del exponent
  return loss + weight * (expected_ms / target_ms - 1.0)


def absolute(
  loss: Array,
  expected_ms: Array,
  target_ms: float,
  weight: float,
  exponent: float,
) -> Array:
  """loss + weight * |E[latency] / target - 1|: lands on the target.

  TuNAS's price of missing it (arXiv 2008.06120) in a differentiable search.
  """
  del exponent
  return loss + weight * abs(expected_ms / target_ms - 1.0)


def multiply(
  loss: Array,
  expected_ms: Array,
  target_ms: float,
  weight: float,
  exponent: float,
) -> Array:
  """loss * weight * (log E[latency] / log target) ** exponent.

  FBNet (arXiv 1812.03443), equation 2, over the target as in ProxylessNAS's
  repository ('mul#log', 0.2 and 0.3). Logs of microseconds, as FBNet's, so
  that networks faster than 1 ms have one.
  """
  logs = jnp.log(expected_ms / SHORTEST_MS) / jnp.log(target_ms / SHORTEST_MS)
  return loss * weight * logs**exponent


PENALTIES: Mapping[str, Penalty] = {
  'absolute': absolute,
  'add': add,
  'multiply': multiply,
}


def find_penalty(name: str) -> Penalty:
  """The penalty of a name.

  Raises:
    UserError: there is none; the nearest is named.
  """
  if name not in PENALTIES:
    raise UserError(
      f'Unknown search.penalty {name!r}.{did_you_mean(name, PENALTIES)}'
    )
  return PENALTIES[name]


def over_devices(
  name: str,
  loss: Array,
  expected_ms: Sequence[Array],
  targets_ms: Sequence[float],
  weight: float,
  exponent: float,
) -> Array:
  """A penalty that minds the latency on every device, each with its target.

  Raises:
    UserError: an unknown name.
  """
  penalty = find_penalty(name)
  for ms, target_ms in zip(expected_ms, targets_ms, strict=True):
    loss = penalty(loss, ms, target_ms, weight, exponent)
  return loss
