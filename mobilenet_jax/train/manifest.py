"""What makes a saved checkpoint one that counts: the digests of its files."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import read_json, write_json

NAME = 'manifest.json'  # in the folder of a checkpoint

Score = Sequence[float] | None


def write_manifest(folder: Path, score: Score) -> None:
  """Writes down the digest of every file below `folder`, and a score."""
  write_json(folder / NAME, {'score': score, 'sha256': _digests(folder)})


def read_manifest(folder: Path) -> dict[str, Any] | None:
  """A checkpoint's manifest if all its files are as they were saved, or None.

  Raises:
    FileNotFoundError: it has none: the program was killed before it wrote it.
  """
  if not (folder / NAME).exists():
    raise FileNotFoundError(folder / NAME)
  try:
    manifest = read_json(folder / NAME)
    whole = manifest['sha256'] == _digests(folder)
    score = manifest['score']
  except (UserError, KeyError, TypeError):
    return None
  numeric = score is None or (
    isinstance(score, list) and all(isinstance(v, int | float) for v in score)
  )
  return manifest if whole and numeric else None


def _digests(folder: Path) -> dict[str, str]:
  found = {}
  for path in sorted(folder.rglob('*')):
    if path.is_file() and path.name != NAME:
      with path.open('rb') as file:
        digest = hashlib.file_digest(file, 'sha256').hexdigest()
      found[path.relative_to(folder).as_posix()] = digest
  return found
