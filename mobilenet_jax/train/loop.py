"""The training loop: restore, step, log, save. Searches use it too."""

import contextlib
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax

from mobilenet_jax.core.errors import JobError
from mobilenet_jax.core.progress import progress
from mobilenet_jax.train.checkpoints import Checkpoints
from mobilenet_jax.train.metrics import MetricsWriter

Batches = Callable[[int], Any]  # an iterator that can be closed
Step = Callable[[Any, Any], tuple[Any, Mapping[str, Any]]]


def fit(
  state: Any,
  step_fn: Step,
  batches: Batches,
  *,
  steps: int,
  folder: Path,
  title: str,
  log_every: int,
  save_every: int,
  record: Callable[[Mapping[str, Any]], Mapping[str, Any]],
) -> Any:
  """Runs `step_fn` until `steps`, going on from the last checkpoint.

  A run that is killed and started again ends bit for bit as one that was
  not: batches are a function of the step, and metrics written after the last
  checkpoint are dropped and written again.

  Args:
    state: a tree of arrays with a scalar `step`; the state of step 0.
    step_fn: compiled (state, batch) -> (state, metrics).
    batches: (first step) -> iterator of batches from that step on.
    folder: gets `checkpoints/`, `metrics.jsonl` and `tensorboard/`.
    title: of the progress bar.
    log_every, save_every: in steps.
    record: turns a step's metrics into what is written.

  Returns:
    The state after `steps` steps.

  Raises:
    JobError: the loss is no longer finite. The last checkpoint is from before.
  """
  checkpoints = Checkpoints(folder / 'checkpoints')
  start = checkpoints.latest_step() or 0
  if start:
    state = checkpoints.restore(state)
  writer = MetricsWriter(folder, after_step=start)
  pending: tuple[int, Mapping[str, Any]] | None = None
  with (
    progress(title, steps, done=start) as bar,
    contextlib.closing(batches(start)) as source,
  ):
    bar.advance(0, 'compiling')
    for step in range(start + 1, steps + 1):
      state, metrics = step_fn(state, next(source))
      # the previous record is written while this step runs
      pending = _write(writer, pending, record, bar)
      if step % log_every == 0 or step == steps:
        pending = (step, metrics)
      if step % save_every == 0 or step == steps:
        pending = _write(writer, pending, record, bar)
        checkpoints.save(step, state)
      bar.advance()
    jax.block_until_ready(state)
  writer.close()
  checkpoints.close()
  return state


def _write(
  writer: MetricsWriter,
  pending: tuple[int, Mapping[str, Any]] | None,
  record: Callable[[Mapping[str, Any]], Mapping[str, Any]],
  bar: Any,
) -> None:
  if pending is None:
    return
  step, metrics = pending
  values = record(jax.device_get(metrics))
  if 'loss' in values:
    if not math.isfinite(values['loss']):
      raise JobError(
        f'The loss is {values["loss"]} after step {step}: training has '
        'diverged. Try a lower learning rate, a longer warm-up or a smaller '
        'clip_norm.'
      )
    bar.note = f'loss {values["loss"]:.3f}'
  writer.write(step, values)
