"""Opens files of weights: tensors by name, nothing else, never any code.

What a file claims to hold is bounded before it is read.
"""

import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mobilenet_jax.core.errors import UserError

LIMIT = 2 << 30  # bytes of all tensors of a file; VGG16 has half a GB
ZIP_ERRORS = (
  zipfile.BadZipFile,
  zlib.error,
  OSError,
  ValueError,
  EOFError,
  RuntimeError,
)  # what a broken zip file may raise
FORMATS = (
  '.safetensors', '.pth', '.pt', '.bin', '.npz', '.h5', '.keras', '.ckpt',
)  # fmt: skip


@dataclass(frozen=True)
class Tensors:
  """What a file holds.

  Attributes:
    arrays: by name.
    metadata: strings beside them.
    shown: other names for people, of some of them.
  """

  arrays: dict[str, np.ndarray]
  metadata: dict[str, str] = field(default_factory=dict)
  shown: dict[str, str] = field(default_factory=dict)


def read(path: Path) -> Tensors:
  """Reads a file of one of `FORMATS`.

  Raises:
    UserError: it is missing, truncated, too large, something else, or needs a
      package that is not installed.
  """
  from mobilenet_jax.models.pretrained import checkpoint

  if checkpoint.is_checkpoint(path):
    return Tensors(checkpoint.read_checkpoint(path))
  if not path.is_file():
    raise UserError(f'There is no file {path}.')
  reader = _reader(path)
  if reader is None:
    raise UserError(
      f'{path} is of no known format; its name must end in one of '
      f'{", ".join(FORMATS)}.'
    )
  bounded(path, path.stat().st_size)
  return reader(path)


def bounded(path: Path, size: int) -> None:
  """Raises a `UserError` where tensors take too many bytes."""
  if size > LIMIT:
    raise UserError(
      f'{path} claims {size:,} bytes; at most {LIMIT:,} are read.'
    )


def _reader(path: Path) -> Callable[[Path], Tensors] | None:
  from mobilenet_jax.models.pretrained import hdf5, torchfile

  return {
    '.safetensors': read_safetensors,
    '.npz': read_npz,
    '.pth': torchfile.read_torch,
    '.pt': torchfile.read_torch,
    '.bin': torchfile.read_torch,
    '.h5': hdf5.read_keras,
    '.hdf5': hdf5.read_keras,
    '.keras': hdf5.read_keras,
  }.get(path.suffix.lower())


def read_safetensors(path: Path) -> Tensors:
  """Reads .safetensors."""
  import ml_dtypes  # numpy learns of bfloat16
  from safetensors import SafetensorError, safe_open

  del ml_dtypes
  try:
    with safe_open(path, 'np') as file:
      arrays = {name: _tensor(path, file, name) for name in file.keys()}  # noqa: SIM118
      return Tensors(arrays, dict(file.metadata() or {}))
  except UserError:
    raise
  except (SafetensorError, TypeError, ValueError) as error:
    raise UserError(
      f'{path} is cut off or is no .safetensors file ({error}).'
    ) from error


def _tensor(path: Path, file: Any, name: str) -> np.ndarray:
  try:
    return file.get_tensor(name)
  except AttributeError as error:  # numpy has no such type
    kind = file.get_slice(name).get_dtype()
    raise UserError(
      f'{path}: {name} holds {kind}, which is not read; convert it to F32.'
    ) from error


def read_npz(path: Path) -> Tensors:
  """Reads .npz; arrays of objects, which hold code, are refused."""
  arrays = {}
  with open_zip(path) as archive:
    try:
      for member in archive.infolist():
        with archive.open(member) as file:
          _check_npy(path, member, file)
        with archive.open(member) as file:
          name = member.filename.removesuffix('.npy')
          arrays[name] = np.lib.format.read_array(file, allow_pickle=False)
    except ZIP_ERRORS as error:
      if isinstance(error, UserError):
        raise
      raise UserError(f'{path} is no .npz of tensors ({error}).') from error
  return Tensors(arrays)


def _check_npy(path: Path, member: zipfile.ZipInfo, file) -> None:
  """What an array claims to be must fit into what its file claims."""
  version = np.lib.format.read_magic(file)
  read_header = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
  }.get(version)
  if read_header is None:
    raise ValueError(f'{member.filename} is of version {version}')
  shape, _, dtype = read_header(file)
  claimed = dtype.itemsize
  for side in shape:
    claimed *= side
  if claimed > member.file_size:
    raise UserError(
      f'{path}: {member.filename} claims {claimed:,} bytes and has '
      f'{member.file_size:,}.'
    )


def open_zip(path: Path) -> zipfile.ZipFile:
  """Opens a zip file whose contents, unpacked, are bounded.

  Raises:
    UserError: it is none, or too large.
  """
  try:
    archive = zipfile.ZipFile(path)
  except ZIP_ERRORS as error:
    raise UserError(f'{path} is cut off or no zip file ({error}).') from error
  try:
    bounded(path, sum(member.file_size for member in archive.infolist()))
  except UserError:
    archive.close()
    raise
  return archive
