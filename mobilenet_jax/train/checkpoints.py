"""Checkpoints of a tree of arrays: the one file that knows orbax."""

import contextlib
import errno
import logging
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
from orbax.checkpoint import v1 as ocp

from mobilenet_jax.core.errors import JobError, UserError
from mobilenet_jax.core.files import make_folder
from mobilenet_jax.core.processes import from_first, is_first
from mobilenet_jax.core.progress import say
from mobilenet_jax.train.manifest import (
  Score,
  read_manifest,
  write_manifest,
)

KEEP = 2  # the last ones; and the best
ORBAX = str(Path('orbax', 'checkpoint'))

# what orbax logs of an error from its threads, it raises, too
logging.getLogger('absl').addFilter(
  lambda row: row.levelno < logging.ERROR or ORBAX not in row.pathname
)


class Checkpoints:
  """Numbered checkpoints under a folder; the last two and the best are kept.

  A checkpoint is there whole or not at all, whenever the program is killed:
  it counts once the digests of its files are written beside them. Of many
  processes each writes and reads its part of the arrays; the first decides
  which checkpoints are whole, and all must call the same methods.
  """

  def __init__(self, folder: Path, *, write: bool = False):
    """Opens the checkpoints of a folder.

    Args:
      folder: of all of them.
      write: whether this is the one who saves: damaged ones are removed then,
        as long as there are whole ones; else nothing is changed.

    Raises:
      UserError: there are some, and all are damaged, or they cannot be read.
    """
    self._folder = folder.absolute()
    found = from_first(lambda: list(_open(self._folder, write).items()))
    # by step; from the first process they come as lists
    self._scores: dict[int, Score] = {
      step: score and tuple(score) for step, score in found
    }
    self._checkpointer = ocp.training.Checkpointer(
      str(self._folder),
      preservation_policy=self,  # pyrefly: ignore[bad-argument-type]
      cleanup_tmp_directories=write,
    )
    self._pool = ThreadPoolExecutor(1)
    self._saving: tuple[int, Future[None]] | None = None
    self._failed = False

  def save(self, step: int, state: Any, score: Score = None) -> None:
    """Saves a tree of arrays as of `step`, in the background.

    Args:
      step: its number.
      state: is copied before this returns.
      score: of the best checkpoint it is the highest, compared in order.

    Raises:
      JobError: this or the save before it could not be written.
    """
    self.wait()
    known, self._scores = self._scores, {**self._scores, step: score}
    with self._told(step, known):
      if is_first():
        _check_space(self._folder, state)
      response = self._checkpointer.save_async(
        step, state, force=True, overwrite=True
      )
    if response is None:
      raise AssertionError('a forced save is never skipped')
    self._saving = step, self._pool.submit(self._commit, step, response, score)

  def wait(self) -> None:
    """Waits for the last save.

    Raises:
      JobError: it could not be written.
    """
    if self._saving is None:
      return
    (step, saving), self._saving = self._saving, None
    known = {k: v for k, v in self._scores.items() if k != step}
    with self._told(step, known):
      saving.result()
    self._scores = {k: self._scores[k] for k in self._kept(self._scores)}

  def latest_step(self) -> int | None:
    """Step of the newest checkpoint, or None."""
    self.wait()
    return max(self._scores, default=None)

  def best_step(self) -> int | None:
    """Step of the (first) checkpoint of the highest score, or None."""
    self.wait()
    return _best(self._scores)

  def restore(self, like: Any, step: int | None = None) -> Any:
    """Returns the newest checkpoint (or that of `step`).

    Args:
      like: a tree of arrays or shapes of the same structure.
      step: of a checkpoint that is there.

    Raises:
      UserError: there is none, or it holds another structure.
    """
    step = self.latest_step() if step is None else step
    if step is None:
      raise UserError(f'No checkpoint in {self._folder}.')
    abstract = jax.tree.map(
      lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=_sharding(x)),
      like,
    )
    try:
      return self._checkpointer.load(step, abstract)
    except (KeyError, ValueError) as error:
      raise UserError(
        f'The checkpoint in {self._folder} is that of another network or '
        'optimizer.'
      ) from error

  def close(self) -> None:
    """Waits for the last save.

    Raises:
      JobError: it could not be written.
    """
    try:
      self.wait()
    finally:
      self._pool.shutdown()
      try:
        self._checkpointer.close()
      except Exception:
        if not self._failed:  # else it is what has been told, once more
          raise

  def should_preserve(
    self, checkpoints: Sequence[Any], *, context: Any
  ) -> list[bool]:
    """Which of the steps stay: orbax asks this of a preservation policy."""
    del context
    steps = [info.step for info in checkpoints]
    kept = self._kept(steps)
    return [step in kept for step in steps]

  def _kept(self, steps: Iterable[int]) -> set[int]:
    best = _best(self._scores)
    return {*sorted(steps)[-KEEP:]} | ({best} if best is not None else set())

  def _commit(self, step: int, response: Any, score: Score) -> None:
    response.result()  # once every process has written its part
    if is_first():
      write_manifest(self._folder / str(step), score)

  @contextlib.contextmanager
  def _told(self, step: int, known: dict[int, Score]) -> Iterator[None]:
    """Turns what goes wrong while saving into a sentence."""
    try:
      yield
    except (OSError, RuntimeError, UserError, ValueError) as error:
      self._failed, self._scores = True, known
      latest = max(known, default=None)
      kept = f' That of step {latest} is kept.' if known else ''
      raise JobError(
        f'Cannot save the checkpoint of step {step} in {self._folder}: '
        f'{_reason(error)}.{kept} Once there is space to write, the same '
        'command resumes.'
      ) from error


def _check_space(folder: Path, state: Any) -> None:
  """Orbax takes minutes to notice that it cannot write.

  Raises:
    OSError: there is too little space on the disk.
    UserError: the folder cannot be written to.
  """
  make_folder(folder)
  needed = sum(x.nbytes for x in jax.tree.leaves(state))
  if shutil.disk_usage(folder).free < needed:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _open(folder: Path, write: bool) -> dict[int, Score]:
  """Scores of the whole checkpoints by step.

  Raises:
    UserError: there are some, and all are damaged, or they cannot be read.
  """
  try:
    return _read(folder, write)
  except OSError as error:
    raise UserError(
      f'Cannot read the checkpoints in {folder}: {error.strerror}.'
    ) from error


def _read(folder: Path, write: bool) -> dict[int, Score]:
  scores: dict[int, Score] = {}
  damaged: list[Path] = []
  half: list[Path] = []  # the program was killed while it saved them
  for path in _steps(folder):
    try:
      manifest = read_manifest(path)
    except FileNotFoundError:
      half.append(path)
      continue
    if manifest is None:
      damaged.append(path)
    else:
      scores[int(path.name)] = manifest['score']
  if damaged and not scores:
    raise UserError(
      f'Every checkpoint in {folder} is damaged; remove that folder to start '
      'anew.'
    )
  for path in damaged:
    say(
      f'The checkpoint of step {path.name} in {folder} is damaged and left '
      f'out; the newest whole one is of step {max(scores)}.'
    )
  if write and scores:
    for path in (*half, *damaged):
      shutil.rmtree(path)
  return scores


def _steps(folder: Path) -> list[Path]:
  """Folders of checkpoints, oldest first."""
  if not folder.is_dir():
    return []
  found = [p for p in folder.iterdir() if p.name.isdecimal() and p.is_dir()]
  return sorted(found, key=lambda path: int(path.name))


def _best(scores: dict[int, Score]) -> int | None:
  scored = {k: v for k, v in scores.items() if v is not None}
  return max(scored, key=lambda k: (scored[k], -k), default=None)


def _reason(error: BaseException) -> str:
  """The system's own words for what went wrong, wherever they are."""
  cause: BaseException | None = error
  while cause is not None:
    if isinstance(cause, OSError) and cause.strerror:
      return cause.strerror
    cause = cause.__cause__ or cause.__context__
  if 'No space left' in str(error):
    return 'No space left on device'
  return ' '.join(str(error).split())[:200].rstrip('.')


def _sharding(x: Any) -> Any:
  found = getattr(x, 'sharding', None)
  return found or jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
