"""Search spaces by name. No JAX."""

from collections.abc import Callable

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.core.registry import Registry
from mobilenet_jax.space.mobilenet_v3 import v3_small_images, v3_tiny
from mobilenet_jax.space.space import SearchSpace

_SPACES: Registry[Callable[[int, int], ArchSpec]] = Registry('search space')
_SPACES.register('v3_small_images')(v3_small_images)
_SPACES.register('v3_tiny')(v3_tiny)


def list_spaces() -> list[str]:
  """Returns the names of all search spaces."""
  return sorted(_SPACES)


def get_space(name: str, resolution: int, num_classes: int) -> SearchSpace:
  """Returns a search space.

  Raises:
    UserError: an unknown name (with the nearest one).
  """
  return SearchSpace(_SPACES[name](resolution, num_classes))


__all__ = ['SearchSpace', 'get_space', 'list_spaces']
