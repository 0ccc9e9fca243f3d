"""The zoo by name: `list_models` and `get_arch`. No JAX."""

from collections.abc import Callable
from dataclasses import dataclass

from mobilenet_jax.arch import ArchSpec, check, is_number
from mobilenet_jax.core.errors import UserError, did_you_mean
from mobilenet_jax.core.registry import Registry

CLASSES = 1000  # of ImageNet
MakeSpec = Callable[..., ArchSpec]  # (resolution, num_classes[, width])


@dataclass(frozen=True)
class Model:
  """A registered network.

  Attributes:
    make: (resolution, num_classes, width) -> spec; without width where the
      paper has no multiplier.
    family: what `list --family` asks for.
    resolution: its own, in pixels.
    scales: whether there is a width multiplier.
  """

  make: MakeSpec
  family: str
  resolution: int
  scales: bool


_MODELS: Registry[Model] = Registry('model')


def register(
  name: str, *, family: str, resolution: int = 224, scales: bool = True
) -> Callable[[MakeSpec], MakeSpec]:
  """Files a function that makes a spec by the name of its network."""

  def add(make: MakeSpec) -> MakeSpec:
    _MODELS.register(name)(Model(make, family, resolution, scales))
    return make

  return add


def list_models(family: str | None = None) -> list[str]:
  """Returns the names of all networks of the zoo, or of one family.

  Raises:
    UserError: an unknown family (with the nearest one).
  """
  if family is None:
    return sorted(_MODELS)
  families = {_MODELS[name].family for name in _MODELS}
  if family not in families:
    hint = did_you_mean(family, families)
    raise UserError(f'Unknown family {family!r}.{hint}')
  return sorted(name for name in _MODELS if _MODELS[name].family == family)


def get_model(name: str) -> Model:
  """Returns what is registered under a name.

  Raises:
    UserError: an unknown name (with the nearest one).
  """
  return _MODELS[name]


def check_width(width: float, name: str) -> None:
  """Raises a `UserError` where a width is no multiplier."""
  if not is_number(width) or not 0 < width <= 16:
    raise UserError(f'Width {width!r} of {name} is not in (0, 16].')


def get_arch(
  name: str,
  width: float = 1.0,
  resolution: int | None = None,
  num_classes: int = CLASSES,
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
  model = _MODELS[name]
  check_width(width, name)
  if width != 1 and not model.scales:
    raise UserError(f'{name} has no width multiplier; leave the width at 1.')
  size = model.resolution if resolution is None else resolution
  if model.scales:
    spec = model.make(size, num_classes, width)
  else:
    spec = model.make(size, num_classes)
  suffix = '' if width == 1 else f'_w{width:g}'
  return check(spec.replace(name=name + suffix))
