"""A run folder: who may use it, and what is always in it."""

import contextlib
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mobilenet_jax.core.config import differences, to_plain
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import make_folder, read_json, write_json

BEFORE_THE_SEARCH = (
  'config.json', 'env.json', 'timings.json', 'latency.csv', 'latency.json',
  'contenders.json',
)  # fmt: skip
PACKAGES = (
  'mobilenet_jax', 'jax', 'jaxlib', 'flax', 'optax', 'orbax-checkpoint',
  'grain', 'tensorflow-datasets', 'tensorflow-cpu', 'ai-edge-litert', 'numpy',
)  # fmt: skip


def open_run(workdir: str | os.PathLike, job: str, config: Any) -> Path:
  """Makes a run folder, or opens that of the same job and config.

  Writes `config.json` and `env.json` when the folder is new.

  Raises:
    UserError: the folder is not writable, holds something else, or was used
      with another config; the first differing field is named.
  """
  wanted: dict[str, Any] = {'job': job, **to_plain(config)}
  folder = make_folder(workdir)
  path = folder / 'config.json'
  if path.exists():
    found = differences(read_json(path), wanted)
    if found:
      more = f' and {len(found) - 1} more' if len(found) > 1 else ''
      raise UserError(
        f'Run folder {folder} was used with another config (there / now): '
        f'{found[0]}{more}.'
      )
  elif any(not p.name.startswith('.') for p in folder.iterdir()):
    raise UserError(f'Folder {folder} is not empty and holds no run.')
  else:
    write_json(path, wanted)
  if not (folder / 'env.json').exists():
    write_json(folder / 'env.json', environment(wanted.get('seed')))
  return folder


@contextlib.contextmanager
def undone_if_refused(folder: Path) -> Iterator[None]:
  """Empties a run folder again if what is done inside finds that the user's
  input is wrong, so that the corrected command can use the same folder.

  A folder whose search has begun is left as it is.
  """
  try:
    yield
  except UserError:
    if not (folder / 'checkpoints').exists():
      for name in BEFORE_THE_SEARCH:
        (folder / name).unlink(missing_ok=True)
      if not any(folder.iterdir()):
        folder.rmdir()
    raise


def environment(seed: int | None) -> dict[str, Any]:
  """What a run depends on beside its config."""
  import jax

  from mobilenet_jax.measure.host import chip

  return {
    'seed': seed,
    'commit': _commit(),
    'python': platform.python_version(),
    'system': platform.platform(),
    'chip': chip(),
    'cores': os.cpu_count(),
    'devices': [f'{d.platform}:{d.device_kind}' for d in jax.devices()],
    'versions': {name: _version(name) for name in PACKAGES},
    'started': datetime.now(UTC).isoformat(timespec='seconds'),
  }


def _version(package: str) -> str | None:
  try:
    return importlib.metadata.version(package)
  except importlib.metadata.PackageNotFoundError:
    return None


def _commit() -> str | None:
  """The commit of the source tree this package runs from, if it is one."""
  root = Path(__file__).parents[2]
  if not (root / '.git').exists():
    return None
  command = ['git', '-C', str(root), 'describe', '--always', '--dirty']
  try:
    done = subprocess.run(command, capture_output=True, text=True, timeout=10)
  except (OSError, subprocess.TimeoutExpired):
    return None
  return done.stdout.strip() or None
