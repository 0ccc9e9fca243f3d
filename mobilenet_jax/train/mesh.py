"""Where arrays live when there are many devices.

All devices of all processes form a mesh of two axes. A batch is spread over
the axis 'data'. The state is on every device, but for wide dense layers, whose
kernels are split over the axis 'model'. XLA puts in what has to be sent
(GSPMD, arXiv 2105.04663).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from mobilenet_jax.core.errors import UserError

DATA, MODEL = 'data', 'model'  # axes
WIDE = 1 << 16  # numbers in a kernel that is worth to be split
NORMS = ('global', 'device')


@dataclass(frozen=True)
class Layout:
  """A mesh, and what batch norm takes its statistics over.

  Attributes:
    mesh: of axes 'data' and 'model'; rows of a batch in the processes' order.
    norm: 'global': over the whole batch, so that the number of devices does
      not change what is computed. 'device': over a device's images, which
      sends nothing; moving averages get the mean over devices. So does dropout.
  """

  mesh: Mesh
  norm: str

  def place_state(self, state: Any) -> Any:
    """A tree of arrays that all processes have, on the mesh; where they differ
    in rounding, that of process 0."""
    if jax.process_count() > 1:
      state = multihost_utils.broadcast_one_to_all(state)

    def place(x: Any) -> jax.Array:
      whole = np.asarray(x)
      sharding = self._sharding(whole)
      return jax.make_array_from_callback(
        whole.shape, sharding, lambda index: whole[index]
      )

    return jax.tree.map(place, state)

  def like(self, shapes: Any) -> Any:
    """A tree of shapes with where their arrays are to live."""
    return jax.tree.map(
      lambda x: jax.ShapeDtypeStruct(
        x.shape, x.dtype, sharding=self._sharding(x)
      ),
      shapes,
    )

  def place_batch(self, batch: Any) -> Any:
    """A tree of this process's rows [N / processes, ...] as the global batch
    [N, ...]."""
    rows = NamedSharding(self.mesh, P(DATA))
    return jax.tree.map(
      lambda x: jax.make_array_from_process_local_data(rows, x), batch
    )

  def keep(self, state: Any, metrics: Any) -> tuple[Any, Any]:
    """Within a compiled step: what it returns lives where its input did."""
    constrain = jax.lax.with_sharding_constraint
    everywhere = NamedSharding(self.mesh, P())
    return (
      jax.tree.map(lambda x: constrain(x, self._sharding(x)), state),
      jax.tree.map(lambda x: constrain(x, everywhere), metrics),
    )

  def gradient(self, gradient: Callable[..., Any]) -> Callable[..., Any]:
    """A function of (params, model_state, batch, keys, one more) that returns
    means over images, and what batch norm has seen, for batches over the
    mesh."""
    if self.norm == 'global':
      return gradient

    def of_device(
      params: Any, model_state: Any, batch: Any, keys: Any, more: Any
    ) -> Any:
      i = jax.lax.axis_index(DATA)
      own = jax.tree.map(lambda key: jax.random.fold_in(key, i), keys)
      found = gradient(params, model_state, batch, own, more)
      return jax.lax.pmean(found, DATA)

    return jax.shard_map(
      of_device,
      mesh=self.mesh,
      in_specs=(P(), P(), P(DATA), P(), P()),
      out_specs=P(),
      axis_names={DATA},
      check_vma=False,
    )

  def local(self, tree: Any) -> Any:
    """Arrays of the mesh as whole ones on each of this process's devices."""
    here = NamedSharding(self._here(), P())
    everywhere = NamedSharding(self.mesh, P())

    def whole(x: jax.Array) -> jax.Array:
      if not x.is_fully_replicated:
        x = jax.jit(_same, out_shardings=everywhere)(x)
      return jax.device_put(np.asarray(x.addressable_data(0)), here)

    return jax.tree.map(whole, tree)

  def spread(self, x: Any) -> jax.Array:
    """Images of this process alone, spread over its devices."""
    return jax.device_put(x, NamedSharding(self._here(), P(DATA)))

  def _here(self) -> Mesh:
    return Mesh(np.array(jax.local_devices()), (DATA,))

  def _sharding(self, x: Any) -> NamedSharding:
    return NamedSharding(self.mesh, P(None, MODEL) if self.splits(x) else P())

  def splits(self, x: Any) -> bool:
    """Whether an array is split over the axis 'model': wide dense kernels
    [in, out], and what an optimizer keeps for them."""
    parts = self.mesh.shape[MODEL]
    return (
      parts > 1 and x.ndim == 2 and x.size >= WIDE and not (x.shape[1] % parts)
    )


def _same(x: jax.Array) -> jax.Array:
  return x


def make_layout(config: Any) -> Layout | None:
  """The layout that the `train` part of a config asks for on the devices that
  there are, or None if there is one.

  Raises:
    UserError: they cannot be divided like that.
  """
  per_process, model = jax.local_device_count(), config.mesh.model
  if per_process % model:  # else two processes would need the same images
    raise UserError(
      f'--config.train.mesh.model is {model}; it is a divisor of the '
      f'{per_process} device{"s" if per_process > 1 else ""} of a process.'
    )
  if jax.device_count() == 1:
    return None
  devices = sorted(jax.devices(), key=lambda d: (d.process_index, d.id))
  mesh = Mesh(np.array(devices).reshape(-1, model), (DATA, MODEL))
  unit = mesh.shape[DATA] * config.accumulate
  if config.batch % unit:
    parts = f' in {config.accumulate} parts' if config.accumulate > 1 else ''
    raise UserError(
      f'--config.train.batch is {config.batch}; it must divide evenly among '
      f'{mesh.shape[DATA]} devices{parts}: make it a multiple of {unit}.'
    )
  return Layout(mesh, config.batch_norm)


def check_split(layout: Layout | None, shapes: Callable[[], Any]) -> None:
  """Checks that the axis 'model' has something to do.

  Args:
    layout: of the training.
    shapes: gives the tree of the network's variables.

  Raises:
    UserError: no layer is split, so that devices would do the same twice.
  """
  if layout is None or layout.mesh.shape[MODEL] == 1:
    return
  if not any(layout.splits(x) for x in jax.tree.leaves(shapes())):
    raise UserError(
      f'--config.train.mesh.model is {layout.mesh.shape[MODEL]}, but the '
      f'network has no dense layer of {WIDE} weights or more whose outputs '
      'divide by it; it takes 1.'
    )
