"""TensorBoard's copy of the metrics: it may fail, a run does not for it.

tensorboardX writes in a thread; where that dies of a full disk, the queue to
it fills up and a training waits for ever. So it gets files that do not fail.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mobilenet_jax.core.progress import say

PREFIX = 'forgiving'  # of paths, as tensorboardX knows s3: and gs:


def open_board(folder: Path, after_step: int) -> Any:
  """A `SummaryWriter` that drops what an interrupted run wrote after
  `after_step`; None without the extra [tensorboard]."""
  try:
    from tensorboardX import SummaryWriter
    from tensorboardX.record_writer import register_writer_factory
  except ImportError:
    return None
  register_writer_factory(PREFIX, Files)
  return SummaryWriter(f'{PREFIX}:{folder}', purge_step=after_step + 1)


class Files:
  """What tensorboardX asks of paths with `PREFIX`."""

  @staticmethod
  def directory_check(path: str) -> None:
    """Makes a folder."""
    Path(path.partition(':')[2]).mkdir(parents=True, exist_ok=True)

  @staticmethod
  def open(path: str) -> 'ForgivingFile':
    """Opens a file to write to."""
    return ForgivingFile(Path(path.partition(':')[2]))


class ForgivingFile:
  """A file that says once that it cannot be written, and then is still."""

  def __init__(self, path: Path):
    self._path, self._failed = path, False
    self._file = path.open('wb')

  def write(self, data: bytes) -> None:
    """Writes `data`."""
    self._try(lambda: self._file.write(data))

  def flush(self) -> None:
    """Hands all to the system."""
    self._try(self._file.flush)

  def close(self) -> None:
    """Closes the file."""
    self._try(self._file.close)

  def _try(self, do: Callable[[], object]) -> None:
    if self._failed:
      return
    try:
      do()
    except OSError as error:
      self._failed = True
      say(
        f'{self._path} cannot be written any more ({error.strerror}); '
        'metrics.jsonl has what it would have.'
      )
