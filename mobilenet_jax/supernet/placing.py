"""Where blocks stand in a network that shares weights: beside a shortcut, not
always there, one of several."""

import functools
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax

from mobilenet_jax.arch import (
  Block,
  BlockVariants,
  Conv,
  Dense,
  DepthwiseSeparable,
  FusedInvertedResidual,
  InvertedResidual,
  UniversalBottleneck,
)
from mobilenet_jax.nn.blocks import Options
from mobilenet_jax.nn.build import build_block
from mobilenet_jax.supernet.blocks import (
  SuperFusedResidual,
  SuperInvertedResidual,
  SuperSeparable,
  SuperUniversalBottleneck,
)
from mobilenet_jax.supernet.layers import SuperConv, SuperDense
from mobilenet_jax.supernet.masks import Soft, presence, shortcut
from mobilenet_jax.supernet.support import is_plain

OF_LAYERS: dict[type[Block], type[nn.Module]] = {  # that learn
  DepthwiseSeparable: SuperSeparable,
  FusedInvertedResidual: SuperFusedResidual,
  InvertedResidual: SuperInvertedResidual,
  UniversalBottleneck: SuperUniversalBottleneck,
}


class Place(NamedTuple):
  """A block of a space, and how to compute it."""

  row: BlockVariants
  options: Options

  def module(self, name: str | None = None, *, keeps: bool = True) -> nn.Module:
    """The module of all that it can become, without its shortcut.

    Args:
      keeps: whether activations of a block of several layers are kept for the
        gradient; it is cheap to compute again.
    """
    block = self.row.block
    if type(block) in OF_LAYERS:
      made = OF_LAYERS[type(block)]
      return (made if keeps else nn.remat(made))(*self, name=name)
    if isinstance(block, Conv) and is_plain(block):
      return SuperConv(block, self.options, name=name)
    if isinstance(block, Dense):
      return SuperDense(block, self.options, name=name)
    return build_block(block, self.options, name)

  def run(
    self, module: Any, x: Array, soft: Soft, inputs: Array | None
  ) -> Array:
    """What its module makes of x.

    Args:
      module: a `module()`, bound.
      inputs: the mask that x has.
    """
    block = self.row.block
    if type(block) in (*OF_LAYERS, Dense) or (
      isinstance(block, Conv) and is_plain(block)
    ):
      return module(x, soft, inputs)
    return module(x, train=True)

  def detached(self) -> nn.Module:
    """The module, of no other one."""
    return self.module().clone(parent=None)

  def weighted(
    self, weight: Array, params: Any, x: Array, soft: Soft, inputs: Array | None
  ) -> Array:
    """What the block and its shortcut make of x, times a weight.

    Args:
      params: of `detached`.
    """
    run = nn.apply(self.run, self.detached())
    y: Any = run({'params': params}, x, soft, inputs)
    return weight * beside(y, x, 1.0, shortcut(self.row, soft))


def beside(
  y: Array, x: Array, there: Array | float, added: Array | float
) -> Array:
  """there (y + added x) + (1 - there) x.

  Args:
    y: what a block makes of x.
    there: how much it is there.
    added: how much of its shortcut.
  """
  if isinstance(added, float) and added:
    return x + there * y  # all of x, with the block and without
  y = there * y
  passed = there * added + (1 - there)
  return y if isinstance(passed, float) else y + passed * x


def place(
  parent: nn.Module,
  at: Place,
  name: str,
  x: Array,
  soft: Soft,
  inputs: Array | None,
) -> Array:
  """A block and its shortcut; an absent block is not computed.

  Args:
    parent: whose block it is.
    inputs: the mask that x has.
  """
  module = at.module(name, keeps=False)
  there, added = presence(at.row, soft), shortcut(at.row, soft)

  def with_block(module: nn.Module, x: Array) -> Array:
    return beside(at.run(module, x, soft, inputs), x, there, added)

  if isinstance(there, float) or parent.is_initializing():
    return with_block(module, x)
  return nn.cond(there > 0, with_block, lambda module, x: x, module, x)


class OneOfBlocks(nn.Module):
  """A choice of operations, each with weights of its own in a scope 'op_N'.

  What comes out is the average of all operations, weighted by their soft
  choice (ProxylessNAS, arXiv 1812.00332, equation 2; in TuNAS's warm-up, arXiv
  2008.06120, that of all). Called as the blocks are, with the shortcuts inside.

  Attributes:
    rows: of the slot.
    optional: whether there may be none of them, so that x passes.
  """

  rows: tuple[BlockVariants, ...]
  optional: bool
  options: Options

  @nn.compact
  def __call__(self, x: Array, soft: Soft, inputs: Array | None) -> Array:
    places = [Place(row, self.options) for row in self.rows]
    each = []
    for at in places:
      own = {tag: soft[tag] for tag in at.row.tags}
      weight = jnp.asarray(presence(at.row, soft))
      params = self._params(at, x, own, inputs)
      each.append((weight, params, x, own, inputs))
    shape = jax.eval_shape(places[0].weighted, *each[0])
    total = jnp.zeros(shape.shape, shape.dtype)
    if self.is_initializing():
      return total  # its size is all that counts
    if self.optional:
      total = (1 - sum(weight for weight, *_ in each)) * x
    for at, args in zip(places, each, strict=True):
      total += _weighted(at, shape.shape, *args)
    return total

  def _params(self, at: Place, *inputs: Any) -> Any:
    """Those of an operation."""
    name = f'op_{at.row.number}'
    if not self.is_initializing():
      return self.get_variable('params', name, {})
    _, block, io = next(at.row.each())
    if not block.layers(io):
      return {}
    init = nn.init(at.run, at.detached())
    return self.param(name, lambda key: init(key, *inputs)['params'])


# The gradient is written so that it branches, too: that of `lax.cond` alone
# keeps what every operation needs, filled with zeros where it was not taken.
@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _weighted(at: Place, shape: tuple[int, ...], *args: Any) -> Array:
  """`at.weighted`, not computed where the weight is 0."""
  weight, _, x, *_ = args
  nothing = lambda *_: jnp.zeros(shape, x.dtype)
  return lax.cond(weight > 0, at.weighted, nothing, *args)


def _forward(at: Place, shape: tuple[int, ...], *args: Any):
  return _weighted(at, shape, *args), args


def _backward(at: Place, shape: tuple[int, ...], args: Any, dy: Array):
  del shape

  def gradient(args: Any, dy: Array) -> Any:
    return jax.vjp(at.weighted, *args)[1](dy)

  nothing = lambda args, dy: jax.tree.map(jnp.zeros_like, args)
  return lax.cond(args[0] > 0, gradient, nothing, args, dy)


_weighted.defvjp(_forward, _backward)
