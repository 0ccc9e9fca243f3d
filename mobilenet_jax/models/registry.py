"""The zoo by name: `list_models` and `get_arch`. No JAX."""

from collections.abc import Callable

from mobilenet_jax.arch import ArchSpec, check
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.registry import Registry

MakeSpec = Callable[[float, int, int], ArchSpec]
_MODELS: Registry[MakeSpec] = Registry('model')
_RESOLUTIONS: dict[str, int] = {}


def register(
  name: str, *, resolution: int = 224
) -> Callable[[MakeSpec], MakeSpec]:
  """Files a (width, resolution, num_classes) -> spec function by name."""

  def add(make: MakeSpec) -> MakeSpec:
    _RESOLUTIONS[name] = resolution
    return _MODELS.register(name)(make)

  return add


def list_models() -> list[str]:
  """Returns the names of all networks of the zoo."""
  return sorted(_MODELS)


def get_arch(
  name: str,
  width: float = 1.0,
  resolution: int | None = None,
  num_classes: int = 1000,
) -> ArchSpec:
  """Returns the spec of a network of the zoo.

  Args:
    name: one of `list_models()`.
    width: width multiplier of the paper.
    resolution: input side in pixels; the model's own where None.
    num_classes: outputs of the last layer.

  Raises:
    UserError: an unknown name (with the nearest one) or a bad number.
  """
  make = _MODELS[name]
  if not 0 < width <= 16:
    raise UserError(f'Width {width!r} of {name} is not in (0, 16].')
  size = _RESOLUTIONS[name] if resolution is None else resolution
  spec = make(width, size, num_classes)
  suffix = '' if width == 1 else f'_w{width:g}'
  return check(spec.replace(name=spec.name + suffix))
