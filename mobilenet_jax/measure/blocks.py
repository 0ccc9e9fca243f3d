"""A block on its own, as what an instrument times."""

import contextlib
import importlib.metadata
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mobilenet_jax.export.tflite import convert
from mobilenet_jax.latency.key import BlockKey, block_of
from mobilenet_jax.nn.blocks import Options
from mobilenet_jax.nn.build import build_block
from mobilenet_jax.nn.conv import Impl

VERSION = 1  # to be raised where a key gives another model than before


def converter() -> str:
  """What makes the models; those of another are timed again."""
  for name in ('tensorflow-cpu', 'tensorflow'):
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
      return f'{name} {importlib.metadata.version(name)}, blocks {VERSION}'
  return 'unknown'


def block_model(key: BlockKey) -> bytes:
  """Returns the TFLite model of a block, with random weights.

  Its input is [1, size, size, channels], or [1, channels] for a dense layer,
  and its arithmetic that of the key's dtype.
  """
  function, shape = block_function(key, 'portable')
  rng = np.random.default_rng(0)
  sample = rng.normal(size=shape).astype(np.float32)
  return convert(function, shape, key.dtype, [sample])


def block_function(
  key: BlockKey, impl: Impl, dtype: Any = jnp.float32
) -> tuple[Callable[[Any], Any], tuple[int, ...]]:
  """Returns a block as a function of an array, and that array's shape."""
  options = Options(impl=impl, dtype=dtype, padding=key.padding)
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
  return lambda x: module.apply(variables, x, train=False), shape
