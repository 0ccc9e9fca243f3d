"""Finds TFDS data sets, makes those that are missing, and says why it can't."""

import contextlib
import io
import json
import logging
import pathlib
import re
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow_datasets as tfds

from mobilenet_jax.core.errors import UserError, did_you_mean
from mobilenet_jax.data import digit_scenes

Say = Callable[[str], None]


def say_on_stderr(text: str) -> None:
  """Prints where it cannot mix with a result on stdout."""
  print(text, file=sys.stderr)


def prepare(
  name: str, data_dir: str | None = None, say: Say = say_on_stderr
) -> None:
  """Makes a data set ready to read; does nothing where it already is.

  `digit_scenes` is drawn here. Any other set is left to TFDS, which downloads
  it if it can. A build that is killed leaves only an `incomplete.*` folder,
  which is never read; of two at once, the one that finishes first counts.

  Args:
    name: TFDS name, such as 'digit_scenes/64' or 'cifar10'.
    data_dir: where data sets live; None: TFDS' own, ~/tensorflow_datasets.
    say: told once before the work starts and once when it is done.

  Raises:
    UserError: the name is unknown, or the set cannot be made here.
  """
  prepared_builder(name, data_dir, say)


def prepared_builder(name: str, data_dir: str | None, say: Say) -> Any:
  """Returns the TFDS builder of a data set that is ready to read."""
  builder = _find_builder(name, data_dir)
  if _is_ready(builder):
    return builder
  if isinstance(builder, digit_scenes.DigitScenes):
    count = sum(digit_scenes.SCENES.values())
    say(f'building {name} ({count:,} scenes)...')
  else:
    say(f'preparing {name} with TFDS...')
  start = time.perf_counter()
  builder = _build(builder, name, data_dir)
  say(f'{name} is ready after {time.perf_counter() - start:.1f} s')
  return builder


def _build(builder: Any, name: str, data_dir: str | None) -> Any:
  try:
    with _quiet():
      builder.download_and_prepare(file_format='array_record')
  except Exception as error:
    rival = _find_builder(name, data_dir)
    if _is_ready(rival):  # Another process was faster; take its copy.
      return rival
    if isinstance(builder, digit_scenes.DigitScenes):
      raise  # Ours to draw, so ours to repair.
    raise UserError(
      f'Data set {name!r} is not in {builder.data_path} and TFDS could not'
      f' prepare it here ({_first_line(error)}); prepare it with'
      f' `{_command(builder, name)}`.'
    ) from error
  return builder


def _is_ready(builder: Any) -> bool:
  with _quiet():
    return builder.is_prepared()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
  """Keeps TFDS from printing, drawing bars and warning of what we handle."""
  tfds.disable_progress_bar()
  logger = logging.getLogger('absl')
  level = logger.level
  logger.setLevel(logging.ERROR)
  try:
    with contextlib.redirect_stdout(io.StringIO()):
      yield
  finally:
    logger.setLevel(level)


def _command(builder: Any, name: str) -> str:
  """Returns the shell command that prepares a data set."""
  below = builder.info.full_name.count('/')  # name, config if any, version
  root = pathlib.Path(str(builder.data_path)).parents[below]
  return f'tfds build {name} --data_dir={root} --file_format=array_record'


def _first_line(error: Exception) -> str:
  lines = str(error).strip().splitlines() or ['']
  return f'{type(error).__name__}: {lines[0]}'


def _find_builder(name: str, data_dir: str | None) -> Any:
  try:
    with _quiet():
      return tfds.builder(name, data_dir=data_dir)
  except tfds.core.registered.DatasetNotFoundError as error:
    _explain_folder(name, error)
    known = tfds.list_builders(with_community_datasets=False)
    hint = did_you_mean(name.split('/')[0], known)
    raise UserError(f'No TFDS data set is called {name!r}.{hint}') from error
  except Exception as error:
    _explain_folder(name, error)
    _explain_config(name, error)
    _explain_damage(name, data_dir, error)
    raise


def _explain_folder(name: str, error: Exception) -> None:
  """Raises UserError if the name is a path rather than a TFDS name."""
  if pathlib.Path(name).is_dir():
    raise UserError(
      f'{name!r} is a folder; as a data set it is called folder:{name}.'
    ) from error
  if not re.match(r'\w', name):
    raise UserError(
      f'{name!r} is no TFDS name; a folder of images is called folder:PATH.'
    ) from error


def _explain_config(name: str, error: Exception) -> None:
  """Raises UserError if the part of the name after the slash is unknown."""
  dataset, _, config = name.partition('/')
  configs = [c.name for c in tfds.builder_cls(dataset).BUILDER_CONFIGS]
  wanted = config.split(':')[0]
  if wanted and wanted not in configs:
    shown = ', '.join(configs[:12]) + (', ...' if len(configs) > 12 else '')
    raise UserError(
      f'Data set {dataset!r} has no config {wanted!r}; it has'
      f' {shown or "none"}.'
    ) from error


def _explain_damage(name: str, data_dir: str | None, error: Exception) -> None:
  """Raises UserError if a description file of the set is not JSON."""
  root = pathlib.Path(data_dir or tfds.core.constants.DATA_DIR).expanduser()
  for path in sorted((root / name.split(':')[0]).glob('*/*.json')):
    try:
      json.loads(path.read_text())
    except ValueError:
      raise UserError(
        f'Data set {name!r} is damaged: {path} is not JSON; remove'
        f' {path.parent} and prepare it again.'
      ) from error
