"""From a spec to a Linen module."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from mobilenet_jax.arch import (
  ArchSpec,
  block_name,
  has_shortcut,
  is_number,
  shapes,
)
from mobilenet_jax.arch.mobile import Shortcut
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.nn.blocks import Options
from mobilenet_jax.nn.build import build_block
from mobilenet_jax.nn.conv import Impl


class Network(nn.Module):
  """The network of a concrete spec.

  Called on [N, resolution, resolution, in_channels] images it returns
  [N, num_classes] logits in float32.

  Attributes:
    spec: the architecture.
    options: batch norm's momentum, form of the convolutions, dtype.
    dropout: rate before the last layer, in training; wants an rng 'dropout'.
    drop_path: stochastic depth of the last block, see `drop_path_rates`; wants
      an rng 'drop_path'.
    remat: compute a block's activations again for its gradient instead of
      keeping them.
    frozen: how many of the first blocks always do what they do in evaluation:
      no dropping, and batch norm by its moving averages, which stay.
  """

  spec: ArchSpec
  options: Options = Options()
  dropout: float = 0.0
  drop_path: float = 0.0
  remat: bool = False
  frozen: int = 0

  @nn.compact
  def __call__(
    self, x: Array, *, train: bool = False, taps: Sequence[int] = ()
  ) -> Any:
    """Returns the logits; with `taps` the outputs of those blocks, by index
    (and blocks after the last of them are not run)."""
    x = x.astype(self.options.dtype)
    blocks = self.spec.blocks
    head = max(i for i, b in enumerate(blocks) if hasattr(b, 'channels'))
    rates = drop_path_rates(self.spec, self.drop_path)
    found: dict[int, Array] = {}
    for i, block in enumerate(blocks):
      if i == head and self.dropout:
        x = nn.Dropout(self.dropout, name='dropout')(x, deterministic=not train)
      options = dataclasses.replace(self.options, drop_path=rates[i])
      module = build_block(block, options, block_name(i))
      learns = train and i >= self.frozen
      run = lambda module, x, learns=learns: module(x, train=learns)
      x = (nn.remat(run) if self.remat else run)(module, x)
      if i in taps:
        found[i] = x
        if i == max(taps):
          return found
    return x.astype(jnp.float32)


def drop_path_rates(spec: ArchSpec, rate: float) -> list[float]:
  """How likely each block is left out: l / L `rate` for the l-th of L blocks
  with a shortcut (arXiv 1603.09382, section 3), 0 for any other."""
  there = [
    isinstance(block, Shortcut) and has_shortcut(block, io.in_channels)
    for block, io in zip(spec.blocks, shapes(spec), strict=True)
  ]
  return [
    rate * sum(there[: i + 1]) / sum(there) if adds else 0.0
    for i, adds in enumerate(there)
  ]


def build(
  spec: ArchSpec,
  *,
  dropout: float = 0.0,
  drop_path: float = 0.0,
  norm_momentum: float = 0.99,
  impl: Impl = 'auto',
  dtype: Any = jnp.float32,
  remat: bool = False,
  frozen: int = 0,
) -> Network:
  """Returns the Linen module of a concrete spec.

  Args:
    spec: the network.
    dropout: rate before the last layer, in training; from 0 to less than 1.
    drop_path: stochastic depth of the last block with a shortcut, in
      training, see `drop_path_rates`; from 0 to less than 1.
    norm_momentum: weight of the old moving average in batch norm.
    impl: form of the convolutions, see `nn.conv`.
    dtype: of the computation; parameters are always float32.
    remat: whether training computes a block's activations twice instead of
      keeping them: slower, in less memory.
    frozen: how many of the first blocks stay as they are, see `Network`.

  Raises:
    UserError: a rate or `norm_momentum` is out of its range, or there is no
      block to drop.
  """
  for name, rate in (('dropout', dropout), ('drop_path', drop_path)):
    if not is_number(rate) or not 0 <= rate < 1:
      raise UserError(f'{name} is {rate!r}; it is 0 or more and less than 1.')
  if not is_number(norm_momentum) or not 0 <= norm_momentum <= 1:
    raise UserError(f'norm_momentum is {norm_momentum!r}; it is in 0 to 1.')
  if drop_path and not any(drop_path_rates(spec, drop_path)):
    raise UserError(
      f'drop_path is {drop_path!r}, but {spec.name} has no block with a '
      'shortcut to drop; it takes 0.'
    )
  options = Options(norm_momentum, spec.norm_epsilon, impl, dtype, spec.padding)
  return Network(spec, options, dropout, drop_path, remat, frozen)


def image_shape(spec: ArchSpec, batch: int = 1) -> tuple[int, int, int, int]:
  """[N, H, W, C] of a batch of a network's images."""
  return (batch, spec.resolution, spec.resolution, spec.in_channels)


def variable_shapes(network: Network) -> Any:
  """The tree that `network.init` gives, as shapes; nothing is computed."""
  images = jnp.zeros(image_shape(network.spec))
  return jax.eval_shape(network.init, jax.random.key(0), images)
