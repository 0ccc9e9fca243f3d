"""Which image files cannot be read, found out once and remembered."""

import errno
import hashlib
import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import __version__ as pillow_version

from mobilenet_jax.core.cache import cache_dir
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import make_folder, read_json, write_json
from mobilenet_jax.core.progress import progress
from mobilenet_jax.data.images import open_image

READERS = min(16, os.cpu_count() or 1)  # threads; each decodes one image
DATA_ERRORS = (None, errno.EINVAL, errno.EOVERFLOW)  # seeking past sense
GROUP = 1024  # images between two looks at the progress


def find_broken(root: Path, paths: Sequence[str], title: str) -> dict[str, str]:
  """Decodes image files (JPEGs at an eighth of their size) to find broken ones.

  The outcome follows from the files' contents alone. It is kept under the
  cache folder for as long as no file changes (path, size, time of change).

  Args:
    root: of the data set.
    paths: relative to it.
    title: of the progress.

  Returns:
    A sentence on each broken or empty file, in the order of `paths`.

  Raises:
    UserError: the system does not let us read a file; it may be good.
  """
  memory = cache_dir() / 'checked' / f'{_state(root, paths)}.json'
  known = _recall(memory, paths)
  if known is not None:
    return known
  found: dict[str, str] = {}
  with (
    warnings.catch_warnings(),
    ThreadPoolExecutor(READERS) as pool,
    progress(title, len(paths)) as shown,
  ):
    warnings.filterwarnings('ignore', module='PIL')  # of odd camera notes
    for start in range(0, len(paths), GROUP):
      group = paths[start : start + GROUP]
      wrong = pool.map(lambda path: fault(root / path), group)
      found |= {p: text for p, text in zip(group, wrong, strict=True) if text}
      note = f'{len(found)} broken' if found else None
      shown.advance(len(group), note)
  _remember(memory, found)
  return found


def fault(path: Path) -> str:
  """Returns a sentence on what is wrong with an image's content, or ''.

  Raises:
    UserError: the system does not let us read it.
  """
  try:
    open_image(path, shrink=True)
  except UserError as error:
    cause = error.__cause__
    system = isinstance(cause, OSError) and cause.errno not in DATA_ERRORS
    if system or isinstance(cause, MemoryError):
      raise
    return str(error)
  return ''


def _state(root: Path, paths: Sequence[str]) -> str:
  """A digest of all that the outcome depends on."""
  digest = hashlib.sha256(f'{pillow_version}\n'.encode())
  digest.update(os.fsencode(root))
  for path in paths:
    try:
      now = (root / path).stat()
    except OSError as error:
      raise UserError(
        f'Cannot read image {root / path}: {error.strerror}.'
      ) from error
    digest.update(os.fsencode(f'\0{path}\0'))
    digest.update(f'{now.st_size} {now.st_ctime_ns}'.encode())
  return digest.hexdigest()


def _recall(memory: Path, paths: Sequence[str]) -> dict[str, str] | None:
  if not memory.exists():
    return None
  try:
    found = read_json(memory)
  except UserError:  # spoilt; found out anew
    return None
  good = isinstance(found, dict) and found.keys() <= set(paths)
  return found if good and all(map(_is_text, found.values())) else None


def _is_text(value: object) -> bool:
  return isinstance(value, str)


def _remember(memory: Path, found: dict[str, str]) -> None:
  try:
    make_folder(memory.parent)
    write_json(memory, found)
  except (UserError, OSError):
    pass  # it will be found out anew
