"""The image files that a user names: files, folders, globs."""

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data.images import SUFFIXES


def find_images(
  names: Sequence[str], leave_out: str | os.PathLike[str] | None = None
) -> list[Path]:
  """Returns the files that names stand for, in order, each once.

  Args:
    names: files, whatever their suffix; folders, searched to the bottom; and
      globs ('photos/*.jpg', 'photos/**/cat*'). Of folders and globs the files
      with one of `SUFFIXES`, sorted by path, without hidden ones.
    leave_out: a folder inside of those named, whose files are not wanted.

  Raises:
    UserError: a name stands for no file, so that nothing is done by halves.
  """
  found: dict[Path, None] = {}
  for name in names:
    here = list(_named(name, leave_out))
    if not here:
      known = ', '.join(SUFFIXES)
      raise UserError(f'{name!r} holds no image files ({known}).')
    found.update(dict.fromkeys(here))
  return list(found)


def _named(
  name: str, leave_out: str | os.PathLike[str] | None
) -> Iterator[Path]:
  path = Path(name)
  try:
    folder, exists = path.is_dir(), path.exists()
  except OSError as error:  # a name too long, say
    raise UserError(f'Cannot read {name!r}: {error.strerror}.') from error
  if folder:
    yield from _known(_walk(path), path, leave_out)
  elif exists:
    yield path
  elif glob.has_magic(name):
    # Path.glob takes no pattern from the root
    matches = map(Path, glob.iglob(name, recursive=True))  # noqa: PTH207
    yield from _known(matches, path.parent, leave_out)
  else:
    raise UserError(f'There is no image {name!r}.')


def _walk(folder: Path) -> Iterator[Path]:
  """Every file below a folder; links to other folders are not followed."""
  for place, folders, files in os.walk(folder):
    folders[:] = [name for name in folders if not name.startswith('.')]
    yield from (Path(place, name) for name in files)


def _known(
  paths: Iterable[Path],
  within: Path,
  leave_out: str | os.PathLike[str] | None,
) -> list[Path]:
  """Those that look like images, sorted, and not in `leave_out`."""
  shut = Path(leave_out).resolve() if leave_out else None
  if shut == within.resolve():
    shut = None  # the user asks for this very folder
  return sorted(
    path
    for path in paths
    if path.suffix.lower() in SUFFIXES
    and not path.name.startswith('.')  # macOS' ._photo.jpg is no photo
    and path.is_file()
    and not (shut and path.resolve().is_relative_to(shut))
  )
