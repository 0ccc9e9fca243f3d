"""Reads the folders of a data set, within bounds."""

import os
from pathlib import Path

from mobilenet_jax.core.errors import UserError, did_you_mean
from mobilenet_jax.core.text import counted
from mobilenet_jax.data.images import SUFFIXES

PREFIX = 'folder:'
MAX_FILES = 4_000_000  # entries looked at; ImageNet's 2012 set has 1.4 million
MAX_DEPTH = 16
NO_CLASSES = ('__MACOSX', 'lost+found')  # what computers leave in folders


def find_root(name: str) -> Path:
  """The folder of 'folder:PATH'.

  Raises:
    UserError: there is none.
  """
  text = name.removeprefix(PREFIX)
  if not text:
    raise UserError(f'{name!r} names no folder; write {PREFIX}PATH.')
  try:
    root = Path(text).expanduser()
    if root.is_dir():
      return root.resolve()
    exists = root.exists()
  except (OSError, RuntimeError) as error:  # too long; ~somebody
    raise UserError(f'Cannot read folder {text!r}: {error}.') from error
  if exists:
    raise UserError(f'{text!r} of {name!r} is a file, not a folder.')
  there = root.parent
  while not there.is_dir():
    root, there = there, there.parent
  try:
    near = [e.name for e in os.scandir(there) if e.is_dir()]
  except OSError:  # one may pass through it, and not look
    near = []
  hint = did_you_mean(root.name, near) if near else ''
  raise UserError(f'There is no folder {str(root)!r}.{hint}')


class Walk:
  """Reads folders below a root.

  Hidden entries, links to folders and links out of the root do not count. At
  most `MAX_FILES` entries are looked at, `MAX_DEPTH` folders deep.
  """

  def __init__(self, root: Path):
    self.root, self.links, self._seen = root, set(), 0

  def look(self, place: str) -> tuple[list[str], list[str]]:
    """Names of the subfolders and of the image files in a folder, sorted."""
    folders, files = [], []
    try:
      with os.scandir(self.root / place) as entries:
        for entry in entries:
          self._seen += 1
          if self._seen > MAX_FILES:
            raise UserError(f'{self.root} has more than {MAX_FILES:,} files.')
          if entry.name.startswith('.') or entry.name in NO_CLASSES:
            continue
          if entry.is_symlink() and self._leaves(entry.path):
            self.links.add(entry.path)
          elif entry.is_dir(follow_symlinks=False):
            folders.append(entry.name)
          elif Path(entry.name).suffix.lower() in SUFFIXES and entry.is_file():
            files.append(entry.name)
    except OSError as error:
      raise UserError(
        f'Cannot read folder {self.root / place}: {error.strerror}.'
      ) from error
    return sorted(folders), sorted(files)

  def _leaves(self, path: str) -> bool:
    """Whether a link goes to a folder, or out of the root."""
    target = Path(os.path.realpath(path))
    return target.is_dir() or not target.is_relative_to(self.root)

  def pictures(self, place: str, depth: int = 0) -> tuple[str, ...]:
    """Relative paths of the image files in and below a folder, sorted."""
    if depth > MAX_DEPTH:
      raise UserError(
        f'{self.root / place} is more than {MAX_DEPTH} folders deep.'
      )
    folders, files = self.look(place)
    found = [f'{place}/{file}' for file in files]
    for folder in folders:
      found += self.pictures(f'{place}/{folder}', depth + 1)
    return tuple(sorted(found))

  def linked(self) -> str:
    """A part of a sentence on links that were left out, or ''."""
    if not self.links:
      return ''
    return (
      f' {counted(len(self.links), "link")} to a folder or out of this one, not'
      f' followed, such as {min(self.links)}.'
    )
