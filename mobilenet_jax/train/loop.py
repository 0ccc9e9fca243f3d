"""The training loop: restore, step, log, save. Searches use it too."""

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax

from mobilenet_jax.core.errors import Terminated
from mobilenet_jax.core.progress import progress
from mobilenet_jax.train.checkpoints import Checkpoints
from mobilenet_jax.train.metrics import MetricsWriter
from mobilenet_jax.train.stopping import sigterm_noted
from mobilenet_jax.train.watch import Diverged, Record, Taken, Watch

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
  record: Record,
  images: int,
  explain: Callable[[Any, Any], str] | None = None,
  validate: Callable[[Any], Mapping[str, float]] | None = None,
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
    images: in a batch, for the images per second that are shown.
    explain: (state, batch) -> a sentence on what went bad first in a step
      that was not finite; the state is what `step_fn` made of it.
    validate: (state) -> what is recorded as 'validation' every `save_every`
      steps; the first value is the checkpoint's score, the best is kept.

  Returns:
    The state after `steps` steps.

  Raises:
    JobError: the loss or the gradient of a step is not finite, or a
      checkpoint cannot be written. The last good one is kept.
    Terminated: SIGTERM has come; the step that ran is saved.
  """
  with contextlib.ExitStack() as stack:
    enter = stack.enter_context
    own = Checkpoints(folder / 'checkpoints', write=True)
    checkpoints = enter(contextlib.closing(own))
    start = checkpoints.latest_step() or 0
    if start:
      state = checkpoints.restore(state)
    writer = enter(contextlib.closing(MetricsWriter(folder, after_step=start)))
    terminated = enter(sigterm_noted())
    bar = enter(progress(title, steps, done=start))
    source = enter(contextlib.closing(batches(start)))
    watch = Watch(
      writer, bar, record, every=log_every, last=steps, images=images
    )
    bar.advance(0, 'compiling')
    taken: Taken | None = None
    try:
      for step in range(start + 1, steps + 1):
        batch = next(source)
        state, metrics = step_fn(state, batch)
        watch.settle(taken)  # while this step runs
        taken = Taken(step, metrics, batch)
        stop = terminated()
        due = step % save_every == 0 or step == steps
        if due or stop:
          watch.settle(taken)
          taken = None
          values = validate(state) if validate and due else {}
          if values:
            writer.write(step, {'validation': values})
          checkpoints.save(step, state, next(iter(values.values()), None))
        bar.advance()
        if stop:
          break
    except Diverged as diverged:
      where = explain(state, diverged.taken.batch) if explain else ''
      raise diverged.told(where, checkpoints.latest_step()) from None
    jax.block_until_ready(state)
    checkpoints.wait()
    if terminated():
      raise Terminated(
        f'stopped by SIGTERM after step {checkpoints.latest_step()} of '
        f'{steps}, which is saved; run it again to resume.'
      )
  return state
