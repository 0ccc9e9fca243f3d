"""One network's weights, cut out of those that it shares."""

from collections.abc import Mapping, Sequence
from typing import Any

from flax.traverse_util import flatten_dict, unflatten_dict
from jax import Array

from mobilenet_jax.arch import ArchSpec, OneOf, block_name, pick
from mobilenet_jax.arch.oneof import resolve_block
from mobilenet_jax.models.builder import build, variable_shapes
from mobilenet_jax.space import SearchSpace


def extract(params: Any, space: SearchSpace, vector: Sequence[int]) -> Any:
  """The parameters of `models.builder.build(space.decode(vector))`.

  Of every kernel the first channels and the centre of its window, of scales
  and biases the first channels. They are usable once batch norm has
  statistics, see `supernet.calibrate`.

  Args:
    params: of a `SuperNetwork` of the space.
    vector: the network.
  """
  spec = space.decode(vector)
  shared: Any = flatten_dict(params)
  homes = kept_scopes(space.spec, space.choice(vector))
  home = {block_name(new): scopes for new, scopes in enumerate(homes)}
  shapes: Any = flatten_dict(variable_shapes(build(spec))['params'])
  return unflatten_dict(
    {
      (block, *scopes): _cut(shared[*home[block], *scopes], leaf.shape)
      for (block, *scopes), leaf in shapes.items()
    }
  )


def kept_scopes(
  spec: ArchSpec, choice: Mapping[str, int]
) -> list[tuple[str, ...]]:
  """Where the weights of a network's blocks are among the shared ones."""
  found: list[tuple[str, ...]] = []
  for i, slot in enumerate(spec.blocks):
    block = resolve_block(pick(slot, choice), choice)
    if getattr(block, 'keep', True):
      several = isinstance(slot, OneOf)
      operation = (f'op_{choice[slot.tag]}',) if several else ()
      found.append((block_name(i), *operation))
  return found


def _cut(array: Array, shape: tuple[int, ...]) -> Array:
  """The first places of each axis; of a kernel's window [k, k, C, D] the
  centre."""
  index = [slice(0, size) for size in shape]
  if len(shape) == 4:
    edge = (array.shape[0] - shape[0]) // 2
    index[:2] = [slice(edge, edge + shape[0])] * 2
  return array[tuple(index)]
