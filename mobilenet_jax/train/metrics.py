"""The metrics of a run: one JSON line a record, exact across a resume."""

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mobilenet_jax.core.errors import JobError, UserError
from mobilenet_jax.core.files import write_text
from mobilenet_jax.core.processes import is_first
from mobilenet_jax.train import board


class MetricsWriter:
  """Appends records to `metrics.jsonl`, and scalars to `tensorboard/`.

  Records hold nothing that differs between two runs of one seed: no times. Of
  many processes only the first writes.
  """

  def __init__(self, folder: Path, *, after_step: int):
    """Drops what an interrupted run wrote after `after_step`."""
    self._file = self._board = None
    if not is_first():
      return
    path = folder / 'metrics.jsonl'
    kept = [r for r in read_metrics(folder) if r['step'] <= after_step]
    write_text(path, ''.join(_line(r) for r in kept))
    self._file = path.open('a')
    self._board = board.open_board(folder / 'tensorboard', after_step)

  def write(self, step: int, values: Mapping[str, Any]) -> None:
    """Writes a record; nested mappings of numbers are allowed.

    Raises:
      JobError: the disk is full, say.
    """
    if not self._file:
      return
    try:
      self._file.write(_line({'step': step, **values}))
      self._file.flush()
    except OSError as error:
      raise JobError(
        f'Cannot write {self._file.name} in step {step}: {error.strerror}. '
        'Checkpoints are kept: once there is space to write, the same command '
        'resumes.'
      ) from error
    if self._board:
      for name, value in _scalars(values):
        self._board.add_scalar(name, value, step)

  def sync(self) -> None:
    """Sees that what was written outlives a loss of power, as checkpoints
    do."""
    if self._file:
      os.fsync(self._file.fileno())

  def close(self) -> None:
    """Closes the files; every record has been flushed by then, or refused."""
    if not self._file:
      return
    with contextlib.suppress(OSError):
      self._file.close()
    if self._board:
      self._board.close()


def read_metrics(folder: Path) -> list[dict[str, Any]]:
  """The whole records of a run folder, a cut-off last line left out."""
  path = folder / 'metrics.jsonl'
  if not path.exists():
    return []
  lines = path.read_text().split('\n')[:-1]
  try:
    return [json.loads(line) for line in lines]
  except ValueError as error:
    raise UserError(f'{path} is damaged: {error}.') from error


def _line(record: Mapping[str, Any]) -> str:
  return json.dumps(record) + '\n'


def _scalars(
  values: Mapping[str, Any], prefix: str = ''
) -> list[tuple[str, float]]:
  found: list[tuple[str, float]] = []
  for name, value in values.items():
    if isinstance(value, Mapping):
      found += _scalars(value, f'{prefix}{name}/')
    elif isinstance(value, int | float):
      found.append((prefix + name, value))
  return found
