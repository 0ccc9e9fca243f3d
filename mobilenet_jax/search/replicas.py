"""The devices that a step of a search is taken on, each with networks of its
own.

Within the step a device sees its rows of the batch and draws its own random
numbers; what it computes becomes common by `mean` and `gathered`. On one
device all of this is nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax import Array
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.train.mesh import DATA, MODEL, Layout


@dataclass(frozen=True)
class Replicas:
  """What devices have in common in a step, and what is each one's own.

  Attributes:
    layout: where state and batches live; None is one device.
  """

  layout: Layout | None = None

  def own(self, key: Array) -> Array:
    """A device's own of a random key."""
    if self.layout is None:
      return key
    return jax.random.fold_in(key, jax.lax.axis_index(DATA))

  def mean(self, tree: Any) -> Any:
    """Means over devices."""
    return tree if self.layout is None else jax.lax.pmean(tree, DATA)

  def gathered(self, x: Array) -> Array:
    """The rows [n, ...] of all devices, [devices * n, ...]."""
    if self.layout is None:
      return x
    return jax.lax.all_gather(x, DATA, tiled=True)

  def compiled(self, step: Callable[..., Any]) -> Callable[..., Any]:
    """(state, batch, teacher=None) -> (state, metrics), compiled.

    Args:
      step: of one device; what it returns is the same on all.
    """
    if self.layout is not None:
      step = jax.shard_map(
        step,
        mesh=self.layout.mesh,
        in_specs=(P(), P(DATA), P()),
        out_specs=P(),
        check_vma=False,
      )

    def whole(state: Any, batch: Any, teacher: Any = None) -> Any:
      return step(state, batch, teacher)

    return jax.jit(whole, donate_argnums=0)


ONE = Replicas()  # one device


def make_replicas(batch: int, held_out_batch: int) -> Replicas:
  """A replica on every device of this process.

  Args:
    batch, held_out_batch: images a step over all devices; each gets its share.

  Raises:
    UserError: they do not divide.
  """
  devices = jax.local_devices()
  if len(devices) == 1:
    return Replicas()
  named = {'batch': batch, 'held_out_batch': held_out_batch}
  for name, size in named.items():
    if size % len(devices):
      raise UserError(
        f'--config.search.{name} is {size}; it must divide evenly among '
        f'{len(devices)} devices: make it a multiple of {len(devices)}.'
      )
  mesh = Mesh(np.array(devices).reshape(-1, 1), (DATA, MODEL))
  return Replicas(Layout(mesh, 'device'))
