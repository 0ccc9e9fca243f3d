"""A block on its own, as the TFLite model that an instrument times."""

import jax
import jax.numpy as jnp
import numpy as np

from mobilenet_jax.arch import (
  Block,
  Conv,
  Dense,
  DepthwiseSeparable,
  InvertedResidual,
  Pool,
  block_from_string,
)
from mobilenet_jax.export.tflite import convert
from mobilenet_jax.latency.key import BlockKey
from mobilenet_jax.nn.blocks import Options
from mobilenet_jax.nn.build import build_block


def block_of(key: BlockKey) -> Block:
  """Returns a block that has this key at its place."""
  if key.detail and key.detail != 'symmetric':
    return block_from_string(key.detail.split()[0])
  spatial = {'kernel': key.kernel, 'stride': key.stride}
  common = {'channels': key.out_channels, 'activation': key.activation}
  match key.kind:
    case 'conv':
      return Conv(**spatial, **common)
    case 'ds':
      return DepthwiseSeparable(**spatial, **common)
    case 'ir':
      return InvertedResidual(
        **spatial,
        **common,
        expand_ratio=key.expanded / key.in_channels,
        squeeze_excite=key.squeezed / key.expanded,
        residual=bool(key.shortcut),
      )
    case 'dense':
      return Dense(**common)
    case 'pool':
      return Pool()
  raise TypeError(f'no block of kind {key.kind!r}')


def block_model(key: BlockKey) -> bytes:
  """Returns the float32 TFLite model of a block, with random weights.

  Its input is [1, size, size, channels], or [1, channels] for a dense layer.
  """
  symmetric = key.detail.endswith('symmetric')
  options = Options(
    impl='portable', padding='symmetric' if symmetric else 'same'
  )
  module = build_block(block_of(key), options)
  size, channels = key.in_size, key.in_channels
  flat = key.kind == 'dense'
  shape = (1, channels) if flat else (1, size, size, channels)
  seed = jax.random.key(0)
  abstract = jax.eval_shape(
    lambda: module.init(seed, jnp.zeros(shape), train=False)
  )
  rng = np.random.default_rng(0)
  variables = jax.tree.map(
    lambda leaf: rng.uniform(0.1, 1.0, leaf.shape).astype(np.float32), abstract
  )
  return convert(lambda x: module.apply(variables, x, train=False), shape)
