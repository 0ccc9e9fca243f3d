"""Which layer went bad first, when a step was not finite."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from mobilenet_jax.models.builder import Network
from mobilenet_jax.tasks.classification import loss_fn, step_keys
from mobilenet_jax.tasks.distillation import Teacher
from mobilenet_jax.train.accumulate import split
from mobilenet_jax.train.state import TrainState

HUGE = 1e15  # of millions of such numbers the squares are too much for float32


def explain(
  network: Network,
  state: TrainState,
  batch: Any,
  *,
  smoothing: float,
  seed: int,
  accumulate: int = 1,
  teacher: Teacher | None = None,
  class_weights: ArrayLike | None = None,
) -> str:
  """A sentence on what went bad first in a training step, or ''.

  The step is taken once more: what of the images, the weights, the layers
  forward and the layers backward is the first that is not finite?

  Args:
    network: as it is trained.
    state: its weights are those before the step, as `TrainState` has it.
    batch: of the step.
    smoothing, seed, accumulate, teacher, class_weights: of the step, see
      `classification.train_step`.
  """
  if not _finite(batch['image']):
    return 'The images of its batch are not finite.'
  weights = {'params': state.params}
  for path, leaf in jax.tree_util.tree_leaves_with_path(weights):
    if not _finite(leaf):
      return f'Before it, {_name(path)} is not finite.'
  keys = step_keys(seed, state.step)
  model_state = state.model_state
  for i in range(accumulate):
    part = jax.tree.map(lambda x, i=i: x[i], split(batch, accumulate))
    own = {k: jax.random.fold_in(v, i) for k, v in keys.items()}
    bad, model_state = _first_bad(
      network,
      state.params,
      model_state,
      part,
      smoothing=smoothing,
      keys=own if accumulate > 1 else keys,
      teacher=teacher,
      class_weights=class_weights,
    )
    if bad:
      return f'The first layer that went bad is {bad}.'
  return ''


def _first_bad(
  network: Network,
  params: Any,
  model_state: Any,
  batch: Any,
  *,
  smoothing: float,
  keys: dict[str, Array],
  teacher: Teacher | None,
  class_weights: ArrayLike | None,
) -> tuple[str, Any]:
  """The first layer whose output, or else the gradient of whose weights, is
  not finite, or ''; and the new model state."""
  plain = network.clone(remat=False)  # names of layers cannot leave a remat
  names: list[str] = []

  # all are arguments: what other processes hold cannot be a constant
  def run(params: Any, model_state: Any, batch: Any, keys: Any):
    names.clear()
    fine: list[Array] = []

    def note(call: Any, args: Any, kwargs: Any, context: Any) -> Any:
      out = call(*args, **kwargs)
      if context.method_name == '__call__':
        name = '/'.join(context.module.path)
        # nothing of a teacher may change
        taught = context.module.scope.mutable is False
        names.append(f"the teacher's {name}" if taught else name)
        fine.append(_all_finite(out))
      return out

    with nn.intercept_methods(note):
      loss, (_, updated) = loss_fn(
        plain, params, model_state, batch, smoothing=smoothing, keys=keys,
        teacher=teacher, class_weights=class_weights,
      )  # fmt: skip
    return loss, (jnp.stack(fine), updated)

  gradient = jax.jit(jax.grad(run, has_aux=True))
  grads, (fine, updated) = gradient(params, model_state, batch, keys)
  for name, good in zip(names, jax.device_get(fine), strict=True):
    if not good:
      return name or 'the loss', updated
  order = {name: i for i, name in enumerate(names)}
  return _bad_gradient(grads, order), updated


def _bad_gradient(grads: Any, order: dict[str, int]) -> str:
  """The weights whose gradient went bad first: backward, so the last by
  `order`; or those of the largest, where only the norm of all is too large."""
  found = jax.tree_util.tree_leaves_with_path(grads)
  bad = [_name(path) for path, leaf in found if not _finite(leaf)]
  if bad:
    bad.sort(key=lambda name: order.get(name.rpartition('/')[0], -1))
    return f'{bad[-1]}, in its gradient'
  sizes = {_name(path): float(jnp.abs(leaf).max()) for path, leaf in found}
  name = max(sizes, key=lambda name: sizes[name])
  if sizes[name] < HUGE:
    return ''
  return f'{name}, whose gradient is up to {sizes[name]:.1e}'


def _name(path: Any) -> str:
  return '/'.join(key.key for key in path).removeprefix('params/')


def _all_finite(tree: Any) -> Array:
  return jnp.stack([jnp.isfinite(x).all() for x in jax.tree.leaves(tree)]).all()


def _finite(x: Any) -> bool:
  return bool(jnp.isfinite(jnp.asarray(x)).all())
