"""What a running job says: sentences and progress, both on stderr.

On a terminal a bar shows what is done, how far it is and how long it will
take; elsewhere a plain line says so every few seconds.
"""

import contextlib
import sys
import time
from collections.abc import Iterator

from mobilenet_jax.core.processes import is_first

SECONDS_BETWEEN_LINES = 10.0


def say(text: str) -> None:
  """Prints one line for the user on stderr; of many processes the first."""
  if is_first():
    print(text, file=sys.stderr, flush=True)


class Progress:
  """Counts a job up to `total`; `advance` moves it on."""

  def __init__(self, title: str, total: int, resumed: int = 0):
    self.title, self.total, self.resumed = title, total, resumed
    self.done, self.note = resumed, 'resumed' if resumed else ''
    self._start = self._last_line = time.monotonic()
    self._since: tuple[int, float] | None = None

  def advance(self, count: int = 1, note: str | None = None) -> None:
    """Moves on by `count`; `note` is shown behind the numbers."""
    self.done += count
    self.note = self.note if note is None else note
    if count and self._since is None:  # the first one may have compiled
      self._since = self.done, time.monotonic()
    self._show()

  def _show(self) -> None:
    now = time.monotonic()
    if now - self._last_line >= SECONDS_BETWEEN_LINES:
      self._last_line = now
      say(self._line(now))

  def _line(self, now: float) -> str:
    note = f', {self.note}' if self.note else ''
    spent, left = now - self._start, self._left(now)
    return (
      f'  {self.title}: {self.done}/{self.total}, {spent:.0f} s, '
      f'{left:.0f} s left{note}'
    )

  def _left(self, now: float) -> float:
    """Seconds for the rest: by the first one, then by those after it."""
    then, at = self._since or (self.resumed, self._start)
    if self.done <= then:
      then, at = self.resumed, self._start
    return (now - at) / max(self.done - then, 1) * (self.total - self.done)

  def close(self) -> None:
    """Prints the last line."""
    spent = time.monotonic() - self._start
    note = f', {self.note}' if self.note else ''
    say(f'  {self.title}: {self.done}/{self.total} in {spent:.1f} s{note}')


class _Bar(Progress):
  """The same as a bar of the library rich."""

  def __init__(self, title: str, total: int, resumed: int = 0):
    super().__init__(title, total, resumed)
    from rich import progress as rich_progress
    from rich.console import Console

    self._bar = rich_progress.Progress(
      '  {task.description}',
      rich_progress.BarColumn(bar_width=28),
      rich_progress.MofNCompleteColumn(),
      rich_progress.TimeElapsedColumn(),
      '<',
      rich_progress.TimeRemainingColumn(),
      '[dim]{task.fields[note]}',
      console=Console(stderr=True),
      transient=True,
    )
    self._task = self._bar.add_task(
      title, total=total, completed=resumed, note=self.note
    )
    self._bar.start()

  def _show(self) -> None:
    self._bar.update(self._task, completed=self.done, note=self.note)

  def close(self) -> None:
    self._bar.stop()
    super().close()


@contextlib.contextmanager
def progress(title: str, total: int, *, done: int = 0) -> Iterator[Progress]:
  """Shows the progress of the code inside; `done` of it was done before."""
  bar = sys.stderr.isatty() and is_first()
  shown = (_Bar if bar else Progress)(title, total, done)
  try:
    yield shown
  finally:
    shown.close()
