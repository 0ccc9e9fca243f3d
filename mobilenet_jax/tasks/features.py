"""What a network computes on its way: features and embeddings."""

import functools
from typing import Any

import jax
from jax import Array
from jax.typing import ArrayLike

from mobilenet_jax.arch import ArchSpec, block_name, endpoints
from mobilenet_jax.core.errors import UserError, did_you_mean
from mobilenet_jax.models.builder import Network


def features(
  model: Network, variables: Any, images: ArrayLike, endpoint: str
) -> Array:
  """Returns what a network computes at an endpoint; later blocks are not run.

  Args:
    model: of `create_model` or `load_pretrained`.
    variables: what the model is applied with.
    images: [N, H, W, C], as `preprocess` makes them.
    endpoint: 'stride4' and so on, the last features of 1/4 of the image's
      side; 'pool', the pooled vector (the logits where the last layer is a
      convolution before the pool, as in SqueezeNet); 'embedding', what the
      last layer sees, averaged over the image where that is one; or a block
      by name, 'block_05'.

  Returns:
    [N, H', W', C'] features; of 'embedding' and after the pool [N, C'].

  Raises:
    UserError: an unknown endpoint (with the nearest one), or images that have
      another shape or type.
  """
  spec = model.spec
  index = find_endpoint(spec, endpoint)
  shape = jax.numpy.shape(images)
  if len(shape) != 4 or shape[3] != spec.in_channels:
    raise UserError(
      f'{spec.name} takes images [N, H, W, {spec.in_channels}], not '
      f'{list(shape)}.'
    )
  kind = jax.numpy.result_type(images)
  if not jax.numpy.issubdtype(kind, jax.numpy.floating):
    raise UserError(f'{kind} images go through preprocess first.')
  found = _tap(model, index, variables, jax.numpy.asarray(images))
  vector = endpoint == 'embedding' and found.ndim == 4
  return found.mean((1, 2)) if vector else found


def find_endpoint(spec: ArchSpec, name: str) -> int:
  """Index of the block whose output an endpoint is; -1 for the images.

  Raises:
    UserError: an unknown endpoint (with the nearest one).
  """
  named = endpoints(spec)
  blocks = {block_name(i): i for i in range(len(spec.blocks))}
  known = named | blocks
  if name in known:
    return known[name]
  last = block_name(len(blocks) - 1)
  near = blocks if name.startswith('block') else named
  raise UserError(
    f'{spec.name} has no endpoint {name!r}: blocks are {block_name(0)} to '
    f'{last}.{did_you_mean(name, near)}'
  )


@functools.partial(jax.jit, static_argnums=(0, 1))
def _tap(model: Network, index: int, variables: Any, images: Array) -> Array:
  if index < 0:  # the last layer is the first one, too
    return images
  found: Any = model.apply(variables, images, taps=(index,))
  return found[index]
