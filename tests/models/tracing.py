"""A network as Flax traces it, against what folding its spec says."""

import jax
import jax.numpy as jnp

from mobilenet_jax import arch
from mobilenet_jax.models.builder import build, image_shape, variable_shapes


def traced(spec):
  network = build(spec)
  variables = variable_shapes(network)
  images = jnp.zeros(image_shape(spec, 2))
  outputs = jax.eval_shape(
    lambda v: network.apply(v, images, taps=range(len(spec.blocks))), variables
  )
  return variables, outputs


def assert_traced_as_counted(spec):
  """Parameters by layer, and shapes by block, are those that Flax has."""
  variables, outputs = traced(spec)
  leaves = jax.tree.leaves(variables['params'])
  assert sum(leaf.size for leaf in leaves) == arch.count(spec).params
  for layer in arch.layers(spec):
    scope = variables['params']
    for part in (*layer.name.split('/'), *layer.weight.split()):
      scope = scope[part]
    if layer.weights:
      assert scope['kernel'].size == layer.weights
    assert layer.bias == ('bias' in scope)
  for i, io in enumerate(arch.shapes(spec)):
    shape = outputs[i].shape
    square = (io.out_size, io.out_size) if len(shape) == 4 else ()
    assert shape == (2, *square, io.out_channels)
