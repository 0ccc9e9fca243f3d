"""Optimizers over few arrays: vectors are put end to end.

A network has a hundred small vectors (gains and biases). An update of each is
an operation of its own, and compiling those took half of the time that
compiling a training step took.
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array


def packed(rule: optax.GradientTransformation) -> optax.GradientTransformation:
  """The same optimizer, to which all vectors of a tree are one vector.

  Args:
    rule: element by element but for norms over all, as the usual ones are. It
      sees `pack(tree)`: kernels under their own names.
  """

  def init(params: Any) -> Any:
    return rule.init(pack(params))

  def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
    given = None if params is None else pack(params)
    found, state = rule.update(pack(updates), state, given)
    return unpack(found, updates), state

  return optax.GradientTransformation(init, update)


def global_norm(tree: Any) -> Array:
  """The root of the sum of squares of all numbers of a tree."""
  return optax.global_norm(pack(tree))


def pack(tree: Any) -> dict[str, Any]:
  """{'vectors': scalars and vectors end to end, 'others': what is left}."""
  vectors = [x.ravel() for x in jax.tree.leaves(tree) if _is_vector(x)]
  others = jax.tree.map(lambda x: None if _is_vector(x) else x, tree)
  if not vectors:
    return {'others': others}
  return {'vectors': jnp.concatenate(vectors), 'others': others}


def unpack(packed_tree: Any, like: Any) -> Any:
  """The tree of the structure of `like` of which `pack` made this."""
  others = iter(jax.tree.leaves(packed_tree['others']))
  leaves, at = [], 0
  for x in jax.tree.leaves(like):
    if _is_vector(x):
      part = packed_tree['vectors'][at : at + x.size]
      leaves.append(part.reshape(x.shape))
      at += x.size
    else:
      leaves.append(next(others))
  return jax.tree.unflatten(jax.tree.structure(like), leaves)


def _is_vector(x: Any) -> bool:
  return x.ndim <= 1
