"""From a spec to a Linen module."""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from mobilenet_jax.arch import ArchSpec, block_name, is_number
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
  """

  spec: ArchSpec
  options: Options = Options()
  dropout: float = 0.0

  @nn.compact
  def __call__(
    self, x: Array, *, train: bool = False, taps: Sequence[int] = ()
  ) -> Any:
    """Returns the logits; with `taps` the outputs of those blocks, by index
    (and blocks after the last of them are not run)."""
    x = x.astype(self.options.dtype)
    blocks = self.spec.blocks
    head = max(i for i, b in enumerate(blocks) if hasattr(b, 'channels'))
    found: dict[int, Array] = {}
    for i, block in enumerate(blocks):
      if i == head and self.dropout:
        x = nn.Dropout(self.dropout, name='dropout')(x, deterministic=not train)
      x = build_block(block, self.options, block_name(i))(x, train=train)
      if i in taps:
        found[i] = x
        if i == max(taps):
          return found
    return x.astype(jnp.float32)


def build(
  spec: ArchSpec,
  *,
  dropout: float = 0.0,
  norm_momentum: float = 0.99,
  impl: Impl = 'auto',
  dtype: Any = jnp.float32,
) -> Network:
  """Returns the Linen module of a concrete spec.

  Args:
    spec: the network.
    dropout: rate before the last layer, in training; from 0 to less than 1.
    norm_momentum: weight of the old moving average in batch norm.
    impl: form of the convolutions, see `nn.conv`.
    dtype: of the computation; parameters are always float32.

  Raises:
    UserError: `dropout` or `norm_momentum` is out of its range.
  """
  if not is_number(dropout) or not 0 <= dropout < 1:
    raise UserError(f'dropout is {dropout!r}; it is 0 or more and less than 1.')
  if not is_number(norm_momentum) or not 0 <= norm_momentum <= 1:
    raise UserError(f'norm_momentum is {norm_momentum!r}; it is in 0 to 1.')
  options = Options(norm_momentum, spec.norm_epsilon, impl, dtype, spec.padding)
  return Network(spec, options, dropout)


def image_shape(spec: ArchSpec, batch: int = 1) -> tuple[int, int, int, int]:
  """[N, H, W, C] of a batch of a network's images."""
  return (batch, spec.resolution, spec.resolution, spec.in_channels)


def variable_shapes(network: Network) -> Any:
  """The tree that `network.init` gives, as shapes; nothing is computed."""
  images = jnp.zeros(image_shape(network.spec))
  return jax.eval_shape(network.init, jax.random.key(0), images)
