"""From soft choices to masks over the largest network's weights.

A soft choice is a vector of weights over the choices of a decision: one-hot
when a network is sampled, uniform when the average of all operations is
wanted. Every mask below is linear in each of them.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mobilenet_jax.arch import BlockVariants, OneOf, has_shortcut
from mobilenet_jax.arch.mobile import Expanding
from mobilenet_jax.arch.spec import BlockT
from mobilenet_jax.space import SearchSpace

Soft = Mapping[str, Array]  # weights over the choices, by tag


def one_hot(space: SearchSpace, vector: Array) -> dict[str, Array]:
  """A choice vector, int [decisions], as weights over choices, by tag."""
  return {
    tag: jax.nn.one_hot(vector[i], size)
    for i, (tag, size) in enumerate(space.decisions.items())
  }


def choices_of(value: int | OneOf) -> tuple[int, ...]:
  """What a field can become."""
  return value.choices if isinstance(value, OneOf) else (value,)


def most(value: int | OneOf) -> int:
  """The largest choice of a field."""
  return max(choices_of(value))


def mean_over_choices(
  row: BlockVariants[BlockT],
  soft: Soft,
  measure: Callable[[BlockT, int], np.ndarray],
) -> Array:
  """Averages `measure(block, in_channels)` over what a block can become,
  weighted by the soft choices of the decisions it depends on."""
  measured = [measure(block, io.in_channels) for _, block, io in row.each()]
  mixed = jnp.asarray(np.stack(measured), jnp.float32)
  mixed = mixed.reshape(*row.sizes, *measured[0].shape)
  for tag in row.tags:
    mixed = jnp.tensordot(soft[tag], mixed, axes=1)
  return mixed


def weight_of(value: Any, soft: Soft) -> Array | float:
  """The weight of the choices of a field that are true."""
  if not isinstance(value, OneOf):
    return float(bool(value))
  return soft[value.tag] @ jnp.asarray([float(bool(c)) for c in value.choices])


def presence(row: BlockVariants, soft: Soft) -> Array | float:
  """How much a block is there: 1 or 0 in a network, a mean over choices."""
  weights = [weight_of(condition, soft) for condition in row.conditions]
  return math.prod(weights[1:], start=weights[0]) if weights else 1.0


def shortcut(row: BlockVariants, soft: Soft) -> Array | float:
  """How much of its input is added to a block's output, 0 to 1; that of a
  kind without a weight-sharing form is added inside it."""
  residual = getattr(row.block, 'residual', False)
  block, channels = row.first()
  if not isinstance(block, Expanding):
    return 0.0
  there = has_shortcut(dataclasses.replace(block, residual=True), channels)
  return weight_of(residual, soft) if there else 0.0


def channel_mask(value: int | OneOf, soft: Soft) -> Array | None:
  """[largest] mask of the first channels; None where nothing is open."""
  if not isinstance(value, OneOf):
    return None
  return soft[value.tag] @ jnp.asarray(first_n(value.choices, most(value)))


def live_channels(
  inputs: Array | None, outputs: Array | None, cin: int, cout: int
) -> Array | None:
  """[2] int32: how many of the first channels two masks leave; see `nn.conv`.

  Args:
    inputs, outputs: [cin], [cout]; None leaves all.
  """
  if inputs is None and outputs is None:
    return None
  sizes = ((inputs, cin), (outputs, cout))
  counts = [n if m is None else jnp.sum(m > 0) for m, n in sizes]
  return jnp.stack([jnp.asarray(n, jnp.int32) for n in counts])


def first_n(counts: Any, size: int) -> np.ndarray:
  """[..., size] with ones in the first n places."""
  return (np.arange(size) < np.asarray(counts)[..., None]).astype(np.float32)


def kernel_mask(value: OneOf, soft: Soft) -> Array:
  """[k, k, 1, 1] mask of the centre of the largest kernel; the average over
  the choices that have a kernel where 0, none, is a choice."""
  size = most(value)
  masks = []
  for kernel in value.choices:
    edge = (size - kernel) // 2
    inner = slice(edge, size - edge) if kernel else slice(0)
    masks.append(np.zeros((size, size), np.float32))
    masks[-1][inner, inner] = 1
  mask = jnp.tensordot(soft[value.tag], jnp.asarray(np.stack(masks)), axes=1)
  if 0 in value.choices:
    mask = mask / jnp.maximum(weight_of(value, soft), 1e-6)
  return mask[:, :, None, None]
