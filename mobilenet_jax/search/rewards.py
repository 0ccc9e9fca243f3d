"""What a search maximizes."""

from jax import Array


def absolute(
  quality: Array, latency_ms: Array, target_ms: float, beta: float
) -> Array:
  """quality + beta * |latency / target - 1|, with beta below 0.

  TuNAS (arXiv 2008.06120), section 3: one search lands on the target.
  """
  return quality + beta * abs(latency_ms / target_ms - 1.0)
