"""Search spaces by name. No JAX."""

from collections.abc import Callable

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.core.registry import Registry
from mobilenet_jax.space.mobilenet_v3 import (
  v3_mobile,
  v3_small_images,
  v3_tiny,
)
from mobilenet_jax.space.space import SearchSpace

_SPACES: Registry[Callable[[int, int], ArchSpec]] = Registry('search space')
_SPACES.register('v3_mobile')(v3_mobile)
_SPACES.register('v3_small_images')(v3_small_images)
_SPACES.register('v3_tiny')(v3_tiny)
RESOLUTIONS = {'v3_mobile': 224, 'v3_small_images': 32, 'v3_tiny': 32}


def list_spaces() -> list[str]:
  """Returns the names of all search spaces."""
  return sorted(_SPACES)


def get_space(
  name: str, resolution: int | None, num_classes: int
) -> SearchSpace:
  """Returns a search space.

  Args:
    resolution: in pixels; None takes what the space is made for.

  Raises:
    UserError: an unknown name (with the nearest one).
  """
  side = resolution or RESOLUTIONS.get(name, 0)
  return SearchSpace(_SPACES[name](side, num_classes))


__all__ = ['SearchSpace', 'get_space', 'list_spaces']
