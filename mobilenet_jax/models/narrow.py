"""The weights of a network carried over to a narrower one.

Which channels stay is told by masks over the groups of the widest network,
the seed (`models.widths`). Weights come in two forms that compute the same:

- `cut`: of the narrower network's own shapes;
- `silenced`: of the seed's shapes, all that belongs to dropped channels being
  zero. The seed's compiled program then computes, and trains, the narrower
  network. A silent channel is 0 at every layer: its kernel gives 0, batch norm
  with scale and bias 0 keeps that, and every activation maps 0 to 0 (a gate
  need not, but multiplies a 0). So the gradient of each of its weights is
  exactly 0, and the weights stay 0 under every optimizer of `train`.
"""

from collections.abc import Mapping
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.models.widths import Wire, sizes, wires

Masks = Mapping[str, np.ndarray]  # bool [channels of the seed], by group
Keep = Literal['first', 'norm']
KEEP: tuple[Keep, ...] = ('first', 'norm')


def all_channels(seed: ArchSpec) -> dict[str, np.ndarray]:
  """The masks that drop nothing."""
  return {name: np.ones(n, bool) for name, n in sizes(seed).items()}


def narrowed(
  seed: ArchSpec, variables: Any, masks: Masks, spec: ArchSpec, keep: Keep
) -> dict[str, np.ndarray]:
  """Chooses the channels that a narrower network keeps.

  Args:
    seed: the widest network.
    variables: of the seed's shapes.
    masks: of the channels to choose from.
    spec: made of the seed by `widths.with_widths`.
    keep: 'first' takes the first ones, 'norm' those whose filters, in all
      layers that make them, have the largest L2 norm (NetAdapt, arXiv
      1804.03230, section 3.3).

  Returns:
    The masks of `spec`.
  """
  wanted = sizes(spec)
  made = {}
  for name, mask in masks.items():
    there = np.flatnonzero(mask)
    if wanted[name] == len(there):
      made[name] = mask
      continue
    if keep == 'norm':
      order = np.argsort(-_norms(seed, variables, name)[there], kind='stable')
      there = there[order]
    made[name] = np.zeros_like(mask)
    made[name][there[: wanted[name]]] = True
  return made


def silenced(seed: ArchSpec, variables: Any, masks: Masks) -> Any:
  """The variables, new arrays, with zeros for all dropped channels."""

  def silence(leaf: Any, inputs: np.ndarray | None, outputs: np.ndarray) -> Any:
    if not outputs.all():
      leaf = leaf * outputs
    if inputs is not None and not inputs.all():
      leaf = leaf * inputs[:, None]
    return jnp.array(leaf, copy=True)

  return _each(seed, variables, masks, silence)


def cut(seed: ArchSpec, variables: Any, masks: Masks) -> Any:
  """The variables of the narrower network's own shapes."""

  def take(leaf: Any, inputs: np.ndarray | None, outputs: np.ndarray) -> Any:
    leaf = np.asarray(leaf)[..., outputs]
    return jnp.asarray(leaf if inputs is None else leaf[..., inputs, :])

  return _each(seed, variables, masks, take)


def _each(seed: ArchSpec, variables: Any, masks: Masks, function: Any) -> Any:
  """Maps (array, mask of its inputs or None, mask of its outputs)."""
  by_name = {wire.layer.name: wire for wire in wires(seed)}
  made = {}
  for path, leaf in flatten_dict(variables).items():
    wire = by_name[_layer_of(path, by_name)]
    inner = path[-1] == 'kernel' and wire.layer.groups == 1
    inputs = masks[wire.inputs] if inner else None
    made[path] = function(leaf, inputs, masks[wire.outputs])
  return unflatten_dict(made)


def _layer_of(path: tuple[str, ...], known: Mapping[str, Wire]) -> str:
  """The innermost layer that a variable, its collection first, lies in."""
  names = ['/'.join(path[1:end]) for end in range(len(path), 1, -1)]
  return next(name for name in names if name in known)


def _norms(seed: ArchSpec, variables: Any, group: str) -> np.ndarray:
  """[channels]: L2 norms of the filters that make a group's channels."""
  params: dict[str, Any] = flatten_dict(variables['params'], sep='/')
  squares: Any = 0.0
  for wire in wires(seed):
    if wire.makes and wire.outputs == group:
      layer = wire.layer
      scope = f'{layer.name}/{layer.weight}'.rstrip('/')
      kernel = np.asarray(params[f'{scope}/kernel'], np.float64)
      squares += np.square(kernel).reshape(-1, kernel.shape[-1]).sum(0)
  return np.sqrt(squares)
