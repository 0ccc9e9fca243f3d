"""A spec from whatever a user may name it by. No JAX."""

import os

from mobilenet_jax.arch import (
  ArchSpec,
  check,
  decisions,
  from_json,
  from_string,
)
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import read_json
from mobilenet_jax.models.registry import CLASSES, get_arch


def find_arch(
  named: str | os.PathLike | ArchSpec,
  width: float | None = None,
  resolution: int | None = None,
  num_classes: int | None = None,
) -> ArchSpec:
  """Returns the spec that is named.

  Args:
    named: a name of the zoo, a path that ends in .json, a spec string, or a
      spec itself.
    width: of a network of the zoo; 1 where None.
    resolution: of any; its own where None.
    num_classes: of a network of the zoo, 1000 where None; any other has its
      own number, which may be given.

  Raises:
    UserError: an unknown name (with the nearest one), a bad file or spec, a
      search space, or a width or number of classes that cannot be had.
  """
  if isinstance(named, ArchSpec):
    spec = named
  elif not isinstance(named, str | os.PathLike):
    raise UserError(
      f'A {type(named).__name__} names no network; a name of the zoo, a spec '
      'string or an arch.json does.'
    )
  elif str(named).endswith('.json'):
    spec = from_json(read_json(named))
  elif '@' in str(named):
    spec = from_string(str(named))
  else:
    return get_arch(
      str(named),
      1.0 if width is None else width,
      resolution,
      CLASSES if num_classes is None else num_classes,
    )
  if decisions(spec):
    raise UserError(
      f'{spec.name} is a search space, not a network: some of its fields are '
      'still to be decided.'
    )
  _check_fixed(check(spec), width, num_classes)
  if resolution is not None:
    spec = spec.replace(resolution=resolution)
  return check(spec)


def _check_fixed(
  spec: ArchSpec, width: float | None, num_classes: int | None
) -> None:
  """Refuses what only a network of the zoo can be asked for."""
  if width is not None and width != 1:
    raise UserError(
      f'A width multiplier goes with a name of the zoo only, not with '
      f'{spec.name}.'
    )
  if num_classes is not None and num_classes != spec.num_classes:
    raise UserError(
      f'{spec.name} has {spec.num_classes} classes, not {num_classes!r}; write '
      'the number into its last layer.'
    )
