"""Search spaces by name, or of a user's file. No JAX."""

import functools
from collections.abc import Callable

from mobilenet_jax.arch import ArchSpec, check_int
from mobilenet_jax.core.registry import Registry
from mobilenet_jax.space import files, published, tunas
from mobilenet_jax.space.mobilenet_v3 import (
  v3_mobile,
  v3_small_images,
  v3_tiny,
)
from mobilenet_jax.space.space import SearchSpace

_SPACES: Registry[Callable[[int, int], ArchSpec]] = Registry('search space')
RESOLUTIONS = {  # what each is made for
  'v3_mobile': 224,
  'v3_small_images': 32,
  'v3_tiny': 32,
  'mobilenet_v3_like': 224,
  'mobilenet_v3_like_extended': 224,
  'mnasnet': 224,
  'proxylessnas': 224,
  'proxylessnas_enlarged': 224,
  'ofa_mobilenet_v3': 224,
  'fbnet': 224,
  'mobilenet_v4': 256,
}
MOST_PIXELS = 8192
OWN_RESOLUTION = 224  # of a user's space where none is asked for
for _make in (
  v3_mobile,
  v3_small_images,
  v3_tiny,
  tunas.mobilenet_v3_like,
  tunas.mobilenet_v3_like_extended,
  tunas.proxylessnas,
  tunas.proxylessnas_enlarged,
  published.mnasnet,
  published.ofa_mobilenet_v3,
  published.fbnet,
  published.mobilenet_v4,
):
  _SPACES.register(_make.__name__)(_make)


def list_spaces() -> list[str]:
  """Returns the names of all search spaces."""
  return sorted(_SPACES)


def get_space(
  name: str, resolution: int | None, num_classes: int
) -> SearchSpace:
  """Returns a search space.

  Args:
    name: of `list_spaces`, or a path that ends in .py, see `files`.
    resolution: in pixels; None takes what the space is made for. Where the
      resolution is searched it is the largest.

  Raises:
    UserError: an unknown name (with the nearest one), a wrong file, or a
      resolution or number of classes that cannot be.
  """
  if files.is_file(name):
    make, own = functools.partial(files.read_space, name), OWN_RESOLUTION
  else:
    make, own = _SPACES[name], RESOLUTIONS[name]
  side = own if resolution is None else resolution
  check_int('resolution', side, f'Space {name}', most=MOST_PIXELS)
  check_int('number of classes', num_classes, f'Space {name}')
  return SearchSpace(make(side, num_classes))


__all__ = ['SearchSpace', 'get_space', 'list_spaces']
