"""What is made of the metrics of a step: a check, a record, a note."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax

from mobilenet_jax.core.errors import DivergedError
from mobilenet_jax.core.progress import Progress
from mobilenet_jax.train.metrics import MetricsWriter

WATCHED = ('loss', 'grad_norm', 'objective')  # must be finite in every step

Record = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True)
class Taken:
  """A step that was taken: its number, what it returned and what it got."""

  step: int
  metrics: Mapping[str, Any]
  batch: Any


class Diverged(Exception):
  """A step whose loss or gradient is not finite."""

  def __init__(self, taken: Taken, name: str, value: float):
    super().__init__(f'{name} {value}')
    self.taken, self.name, self.value = taken, name, value

  def told(self, where: str, kept: int | None) -> DivergedError:
    """The error for the user.

    Args:
      where: a sentence on what went bad first, or ''.
      kept: step of the last checkpoint, if there is one.
    """
    what = self.name.replace('grad_norm', 'gradient norm')
    saved = f' The checkpoint of step {kept} is kept.' if kept else ''
    return DivergedError(
      f'The {what} is {self.value} in step {self.taken.step}: training has '
      f'diverged.{where and " " + where}{saved} Try a lower learning rate, a '
      'longer warm-up or a smaller clip_norm.'
    )


class Watch:
  """Looks at every step that was taken, once the next one runs."""

  def __init__(
    self,
    writer: MetricsWriter,
    bar: Progress,
    record: Record,
    *,
    every: int,
    last: int,
    images: int,
  ):
    """Records every `every` steps and the `last`; a step has `images`."""
    self._writer, self._bar, self._record = writer, bar, record
    self._every, self._last, self._images = every, last, images
    self._since: tuple[int, float] | None = None

  def settle(self, taken: Taken | None) -> None:
    """Waits for a step; checks it, and writes its record where one is due.

    Raises:
      Diverged: the loss or the gradient is not finite.
    """
    if taken is None:
      return
    found = {k: taken.metrics[k] for k in WATCHED if k in taken.metrics}
    for name, value in jax.device_get(found).items():
      if not math.isfinite(value):
        raise Diverged(taken, name, float(value))
    if taken.step % self._every == 0 or taken.step == self._last:
      values = self._record(jax.device_get(taken.metrics))
      self._writer.write(taken.step, values)
      self._bar.note = self._note(taken.step, values)
    if self._since is None:  # after the first step, which compiles
      self._since = taken.step, time.monotonic()

  def _note(self, step: int, values: Mapping[str, Any]) -> str:
    notes = [f'loss {values["loss"]:.3f}'] if 'loss' in values else []
    if self._since is not None:
      then, at = self._since
      now = time.monotonic()
      rate = (step - then) * self._images / max(now - at, 1e-9)
      self._since = step, now
      notes.append(f'{rate:.0f} images/s')
    return ', '.join(notes)
