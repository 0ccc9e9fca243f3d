"""Large batches in little memory: gradients summed over micro-batches.

Within a step, and not over several steps as `optax.MultiSteps` has it: steps,
schedules, records and checkpoints count updates, and a batch holds the same
images, however many parts it is taken in.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

Gradient = Callable[..., tuple[tuple[Array, tuple[Array, Any]], Any]]


def accumulated(
  gradient: Gradient,
  count: int,
  params: Any,
  model_state: Any,
  batch: Any,
  keys: Mapping[str, Array],
  *more: Any,
) -> tuple[tuple[Array, tuple[Array, Any]], Any]:
  """What `gradient` returns for a batch, taken in `count` parts.

  The result is that of the whole batch, if the loss is a mean over images;
  but batch norm sees the statistics of a part, and averages them part by part.

  Args:
    gradient: (params, model_state, batch, keys, *more) -> ((loss, (metric,
      model state)), gradient), means over the images of the batch.
    count: of parts; a divisor of the number of images. With 1 `gradient` is
      called as it is.
    params, model_state: of the network.
    batch: a tree of arrays [N, ...].
    keys: random keys by name; every part gets its own.
    *more: the same for all parts.
  """
  if count == 1:
    return gradient(params, model_state, batch, keys, *more)

  def part(carry: tuple[Any, Any], inputs: tuple[Array, Any]):
    model_state, sums = carry
    i, images = inputs
    own = {name: jax.random.fold_in(key, i) for name, key in keys.items()}
    (loss, (metric, model_state)), grads = gradient(
      params, model_state, images, own, *more
    )
    sums = jax.tree.map(jnp.add, sums, (loss, metric, grads))
    return (model_state, sums), None

  zeros = (jnp.zeros(()), jnp.zeros(()), jax.tree.map(jnp.zeros_like, params))
  parts = (jnp.arange(count), split(batch, count))
  (model_state, sums), _ = jax.lax.scan(part, (model_state, zeros), parts)
  loss, metric, grads = jax.tree.map(lambda x: x / count, sums)
  return (loss, (metric, model_state)), grads


def split(batch: Any, count: int) -> Any:
  """[N, ...] to [count, N / count, ...]; part i has the images i, i + count
  ..., so that of a batch spread over devices each gives its share."""
  return jax.tree.map(
    lambda x: jnp.reshape(x, (-1, count, *x.shape[1:])).swapaxes(0, 1), batch
  )
