"""A model from whatever names it."""

from typing import Any

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.models.builder import Network, build
from mobilenet_jax.models.find import find_arch


def create_model(
  name_or_spec: str | ArchSpec,
  *,
  width: float = 1.0,
  resolution: int | None = None,
  num_classes: int = 1000,
  **options: Any,
) -> Network:
  """Returns the Linen module of a network.

  Args:
    name_or_spec: a name of the zoo, a spec, a spec string or an arch.json.
    width, resolution, num_classes: of a network of the zoo.
    **options: of `models.builder.build` (dropout, dtype, ...).

  Raises:
    UserError: an unknown name (with the nearest one), or a bad spec.
  """
  if isinstance(name_or_spec, ArchSpec):
    return build(name_or_spec, **options)
  spec = find_arch(name_or_spec, width, resolution, num_classes)
  return build(spec, **options)
