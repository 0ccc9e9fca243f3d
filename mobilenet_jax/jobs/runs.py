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

from mobilenet_jax.core import processes
from mobilenet_jax.core.config import differences, to_plain
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import (
  locked,
  make_folder,
  read_json,
  write_json,
)

BEFORE_TRAINING = (
  '.lock', 'config.json', 'env.json', 'timings.json', 'latency*.csv',
  'latency*.json', 'contenders.json', 'data.json', 'arch.json', 'teacher.json',
  'seed.json',
)  # fmt: skip
# where some training has begun
TRAINED = ('checkpoints', 'proposals.jsonl', 'study.json')
PACKAGES = (
  'mobilenet_jax', 'jax', 'jaxlib', 'flax', 'optax', 'orbax-checkpoint',
  'grain', 'tensorflow-datasets', 'tensorflow-cpu', 'ai-edge-litert', 'numpy',
)  # fmt: skip


@contextlib.contextmanager
def open_run(
  workdir: str | os.PathLike, job: str, config: Any
) -> Iterator[Path]:
  """Makes a run folder, or opens that of the same job and config.

  Writes `config.json` and `env.json` when the folder is new. The folder is
  this process's own until the block ends. If what is done inside finds that
  the user's input is wrong, and no training has begun, the folder is emptied
  again, so that the corrected command can use it. Of many processes the first
  does all this for the others, who see the same folder.

  Raises:
    UserError: the folder is not writable, in use, holds something else, or
      was used with another config; the first differing field is named. Or the
      processes of a job differ in their configs, or in what they see.
  """
  wanted: dict[str, Any] = {'job': job, **to_plain(config)}
  _check_processes(wanted)
  with contextlib.ExitStack() as stack:
    folder = Path(processes.from_first(lambda: _open(stack, workdir, wanted)))
    for i, there in enumerate(processes.share(_holds(folder, wanted))):
      if not there:
        raise UserError(
          f'Process {i} does not see run folder {folder}, which process 0 has '
          'made; it must be one that all computers share.'
        )
    try:
      yield folder
    except UserError:
      if processes.is_first():
        _undo(folder)
      raise


def _open(
  stack: contextlib.ExitStack,
  workdir: str | os.PathLike,
  wanted: dict[str, Any],
) -> str:
  """Makes or opens a folder, locked until the stack is left."""
  folder = make_folder(workdir)
  stack.enter_context(
    locked(folder / '.lock', f'Run folder {folder} is in use')
  )
  _check_config(folder, wanted)
  if not (folder / 'env.json').exists():
    write_json(folder / 'env.json', environment(wanted.get('seed')))
  return str(folder)


def _check_processes(wanted: dict[str, Any]) -> None:
  """Checks that all processes were started with the same config."""
  first, *others = processes.share(wanted)
  for i, other in enumerate(others, 1):
    found = differences(first, other)
    if found:
      raise UserError(
        f'Process {i} was started with another config than process 0 (0 / '
        f'{i}): {found[0]}.'
      )


def _holds(folder: Path, wanted: dict[str, Any]) -> bool:
  if processes.count() == 1:
    return True
  path = folder / 'config.json'
  return path.exists() and not differences(read_json(path), wanted)


def _check_config(folder: Path, wanted: dict[str, Any]) -> None:
  """Writes the config of a new folder, or compares with that of a used one."""
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
    (folder / '.lock').unlink()
    raise UserError(f'Folder {folder} is not empty and holds no run.')
  else:
    write_json(path, wanted)


def _undo(folder: Path) -> None:
  """Empties a folder again whose training has not begun."""
  if any((folder / name).exists() for name in TRAINED):
    return
  for name in BEFORE_TRAINING:
    for path in folder.glob(name):
      path.unlink(missing_ok=True)
  if not any(folder.iterdir()):
    folder.rmdir()


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
    'processes': processes.count(),
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
