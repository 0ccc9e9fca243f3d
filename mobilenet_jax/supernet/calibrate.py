"""Batch norm's statistics for weights that have none.

Weights that networks share are trained on the statistics of the batch. A
network that is cut out of them gets its own from training images
(BigNAS, arXiv 2003.11142, section 3.1; Once-for-all, arXiv 1908.09791).
"""

import dataclasses
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from jax import Array

from mobilenet_jax.models.builder import Network, variable_shapes


def calibrate(network: Network, params: Any, batches: Iterable[Array]) -> Any:
  """The 'batch_stats' of a network: exact averages over batches.

  Every layer sees what the layers before it make of the batch with the
  batch's own statistics, as in training. Its mean is the mean of the batches'
  means, its variance the mean of their second moments less the square of that
  mean: what one pass over equally large batches would give, and no moving
  average.

  Args:
    network: as `models.builder.build` makes it.
    params: of it, as `supernet.extract` cuts them.
    batches: [N, H, W, C] images each, all of one size.

  Raises:
    ValueError: there is no batch.
  """
  shapes = variable_shapes(network).get('batch_stats', {})
  own = dataclasses.replace(network.options, norm_momentum=0.0)
  bare = network.clone(options=own, dropout=0.0, drop_path=0.0, frozen=0)

  @jax.jit
  def statistics(images: Array) -> Any:
    zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    _, updated = bare.apply(
      {'params': params, 'batch_stats': zeros},
      images,
      train=True,
      mutable=['batch_stats'],
    )
    return updated.get('batch_stats', {})

  sums: dict[Any, np.ndarray] = {}
  count = 0
  for images in batches:
    found = flatten_dict(statistics(images))
    for place, moment in _moments(found).items():
      sums[place] = sums.get(place, 0.0) + moment
    count += 1
  if not count:
    raise ValueError('there are no batches to take statistics of')
  means = {place: total / count for place, total in sums.items()}
  return unflatten_dict(
    {place: jnp.asarray(x, jnp.float32) for place, x in _variances(means)}
  )


def _moments(found: dict[Any, Any]) -> dict[Any, np.ndarray]:
  """Means as they are, in place of variances the second moments; float64."""
  wide = {place: np.asarray(x, np.float64) for place, x in found.items()}
  return {
    place: x + wide[*place[:-1], 'mean'] ** 2 if place[-1] == 'var' else x
    for place, x in wide.items()
  }


def _variances(means: dict[Any, np.ndarray]) -> Iterable[tuple[Any, Any]]:
  """The inverse of `_moments`."""
  for place, x in means.items():
    if place[-1] == 'var':
      x = np.maximum(x - means[*place[:-1], 'mean'] ** 2, 0.0)
    yield place, x
