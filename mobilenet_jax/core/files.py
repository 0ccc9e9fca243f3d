"""Files that appear whole or not at all: write, fsync, rename."""

import contextlib
import errno
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mobilenet_jax.core.errors import UserError

FULL = (errno.ENOSPC, errno.EDQUOT)  # no mistake of the user's


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
  """Writes `data` to `path` atomically; parents must exist.

  Raises:
    UserError: the folder cannot be written to.
    OSError: the disk is full.
  """
  path = Path(path)
  try:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix='.' + path.name)
  except OSError as error:
    raise _explained(f'Cannot write {path}', error) from error
  try:
    with os.fdopen(handle, 'wb') as file:
      file.write(data)
      file.flush()
      os.fsync(file.fileno())
    Path(name).chmod(0o644)
    Path(name).replace(path)
  except OSError as error:
    Path(name).unlink(missing_ok=True)
    raise _explained(f'Cannot write {path}', error) from error
  except BaseException:
    Path(name).unlink(missing_ok=True)
    raise


def _explained(what: str, error: OSError) -> Exception:
  if error.errno in FULL:
    return error
  return UserError(f'{what}: {error.strerror}.')


def write_text(path: str | os.PathLike, text: str) -> None:
  """Writes UTF-8 `text` to `path` atomically."""
  write_bytes(path, text.encode())


def write_json(path: str | os.PathLike, value: Any) -> None:
  """Writes `value` as indented JSON, keys in their given order."""
  write_text(path, json.dumps(value, indent=2, allow_nan=False) + '\n')


def read_json(path: str | os.PathLike, *, limit_mb: int = 64) -> Any:
  """Reads a JSON file of at most `limit_mb` megabytes.

  Raises:
    UserError: the file is missing, too large, or not JSON.
  """
  path = Path(path)
  try:
    if path.stat().st_size > limit_mb << 20:
      raise UserError(f'{path} is larger than {limit_mb} MB.')
    return json.loads(path.read_text(), parse_constant=_no_constant)
  except OSError as error:
    raise UserError(f'Cannot read {path}: {error.strerror}.') from error
  except RecursionError as error:
    raise UserError(f'{path} is nested too deep.') from error
  except UserError:
    raise
  except ValueError as error:
    raise UserError(f'{path} is not valid JSON: {error}.') from error


def _no_constant(name: str) -> None:
  raise ValueError(f'{name} is no number')


def make_folder(path: str | os.PathLike) -> Path:
  """Makes `path` and its parents, and proves that it can be written to.

  Raises:
    UserError: it cannot be made or written to.
    OSError: the disk is full.
  """
  path = Path(path)
  try:
    path.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=path):
      pass
  except OSError as error:
    raise _explained(f'Cannot write to folder {path}', error) from error
  return path


@contextlib.contextmanager
def locked(path: str | os.PathLike, what: str) -> Iterator[None]:
  """Keeps other processes out; the system frees the lock if we are killed.

  Args:
    path: of the lock, an empty file.
    what: is in use, as the beginning of a sentence.

  Raises:
    UserError: another process has it.
  """
  with Path(path).open('w') as file:
    try:
      fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
      raise UserError(f'{what} by another process.') from error
    yield
