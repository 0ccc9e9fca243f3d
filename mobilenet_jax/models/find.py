"""A spec from whatever a user may name it by. No JAX."""

from mobilenet_jax.arch import ArchSpec, from_json, from_string
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import read_json
from mobilenet_jax.models.registry import get_arch


def find_arch(
  text: str,
  width: float = 1.0,
  resolution: int | None = None,
  num_classes: int = 1000,
) -> ArchSpec:
  """Returns the spec that a text names.

  Args:
    text: a name of the zoo, a path that ends in .json, or a spec string.
    width, num_classes: of a network of the zoo.
    resolution: of any; its own where None.

  Raises:
    UserError: an unknown name (with the nearest one), or a bad file or spec.
  """
  if text.endswith('.json'):
    spec = from_json(read_json(text))
  elif '@' in text:
    spec = from_string(text)
  else:
    return get_arch(text, width, resolution, num_classes)
  if width != 1.0:
    raise UserError('A width multiplier goes with a name of the zoo only.')
  return spec if resolution is None else spec.replace(resolution=resolution)
