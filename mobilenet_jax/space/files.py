"""A user's own space: a Python file with a function `get_space`.

    from mobilenet_jax.arch import ArchSpec, Conv, Dense, Pool, one_of

    def get_space(resolution: int, num_classes: int) -> ArchSpec:
      width = one_of('width', 16, 24, 32)
      stem = Conv(kernel=3, stride=2, channels=width)
      blocks = (stem, Pool(), Dense(channels=num_classes))
      return ArchSpec(name='mine', resolution=resolution, blocks=blocks)

The file is the user's own code and is run as such, as a config is.
"""

import runpy
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mobilenet_jax.arch import ArchSpec, SpecError, check_space, decisions
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.text import printable

FUNCTION = 'get_space'


def is_file(name: str) -> bool:
  """Whether the name of a space is that of a user's file."""
  return isinstance(name, str) and name.endswith('.py')


def read_space(path: str, resolution: int, num_classes: int) -> ArchSpec:
  """Returns the open spec that a file makes.

  Raises:
    UserError: there is no such file or function, it raises, or what it returns
      is no search space of so many classes; in one sentence.
  """
  shown = printable(path)
  if not Path(path).is_file():
    raise UserError(f'No such file {shown!r} with a search space.')
  made = _guarded(shown, lambda: runpy.run_path(path))
  function = made.get(FUNCTION)
  if not callable(function):
    raise UserError(
      f'{shown} has no function {FUNCTION}(resolution, num_classes).'
    )
  spec = _guarded(shown, lambda: function(resolution, num_classes))
  if not isinstance(spec, ArchSpec):
    raise UserError(
      f'{FUNCTION} of {shown} returns a {type(spec).__name__}, not an ArchSpec.'
    )
  try:
    check_space(spec)
  except SpecError as error:
    raise UserError(f'{shown}: {error}') from error
  if not decisions(spec):
    raise UserError(f'{shown}: {spec.name} has nothing to decide, no OneOf.')
  if spec.num_classes != num_classes:
    raise UserError(
      f'{shown}: {spec.name} has {spec.num_classes} classes, not {num_classes}.'
    )
  return spec


def _guarded(shown: str, run: Callable[[], Any]) -> Any:
  """Runs the user's code; its error becomes a sentence."""
  try:
    return run()
  except (Exception, SystemExit) as error:  # anything may come
    words = ' '.join(printable(error).split()).rstrip('.')
    line = _line(shown, error)
    raise UserError(
      f'{shown}{line} raises {type(error).__name__}'
      f'{": " + words if words else ""}.'
    ) from error


def _line(path: str, error: BaseException) -> str:
  """Where in the file it went wrong."""
  frames = traceback.extract_tb(error.__traceback__)
  own = [f.lineno for f in frames if f.filename == path]
  return f', line {own[-1]},' if own else ''
