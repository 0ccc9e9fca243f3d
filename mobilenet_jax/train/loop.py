"""The training loop: restore, step, log, save. Searches use it too."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax

from mobilenet_jax.core.errors import Terminated
from mobilenet_jax.core.progress import progress, say
from mobilenet_jax.train.checkpoints import Checkpoints
from mobilenet_jax.train.mesh import Layout
from mobilenet_jax.train.metrics import MetricsWriter
from mobilenet_jax.train.patience import Patience, score
from mobilenet_jax.train.stopping import stopping
from mobilenet_jax.train.watch import Diverged, Record, Taken, Watch

Batches = Callable[[int], Any]  # an iterator that can be closed
Step = Callable[[Any, Any], tuple[Any, Mapping[str, Any]]]


@dataclass(frozen=True)
class Plan:
  """What a run is to do, and where.

  Attributes:
    steps: how many.
    log_every, save_every: in steps.
    images: in a batch, for the images per second that are shown.
    folder: gets `checkpoints/`, `metrics.jsonl` and `tensorboard/`.
    title: of the progress bar.
    patience: how many validations without a better one end the run; 0: none
      does.
  """

  steps: int
  log_every: int
  save_every: int
  images: int
  folder: Path
  title: str
  patience: int = 0


def fit(
  state: Any,
  step_fn: Step,
  batches: Batches,
  plan: Plan,
  *,
  record: Record,
  explain: Callable[[Any, Any], str] | None = None,
  validate: Callable[[Any], Mapping[str, float]] | None = None,
  layout: Layout | None = None,
) -> Any:
  """Runs `step_fn` until `plan.steps`, going on from the last checkpoint.

  A run that is killed and started again ends bit for bit as one that was
  not: batches are a function of the step, and metrics written after the last
  checkpoint are dropped and written again.

  Args:
    state: a tree of arrays with a scalar `step`; the state of step 0.
    step_fn: compiled (state, batch) -> (state, metrics).
    batches: (first step) -> iterator of batches from that step on.
    plan: how long, and where to.
    record: turns a step's metrics into what is written.
    explain: (state, batch) -> a sentence on what went bad first in a step
      that was not finite; the state is what `step_fn` made of it.
    validate: (state) -> what is recorded as 'validation' every `save_every`
      steps; the checkpoint that is best by `patience.score` is kept.
    layout: where state and batches live; None is one device. With it
      `batches` gives this process's rows, and all processes do the same.

  Returns:
    The state after `steps` steps, or after those that `plan.patience` allows.

  Raises:
    JobError: the loss or the gradient of a step is not finite, or a
      checkpoint cannot be written. The last good one is kept.
    Terminated: SIGTERM has come; the step that ran is saved.
  """
  with contextlib.ExitStack() as stack:
    enter = stack.enter_context
    own = Checkpoints(plan.folder / 'checkpoints', write=True)
    checkpoints = enter(contextlib.closing(own))
    start = checkpoints.latest_step() or 0
    if layout is not None:
      state = layout.place_state(state)
    if start:
      state = checkpoints.restore(state)
    writer = enter(
      contextlib.closing(MetricsWriter(plan.folder, after_step=start))
    )
    stalled = Patience(plan.patience, plan.save_every, plan.folder, start)
    terminated = enter(stopping())
    bar = enter(progress(plan.title, plan.steps, done=start))
    source = enter(contextlib.closing(batches(start)))
    watch = Watch(
      writer, bar, record,
      every=plan.log_every, last=plan.steps, images=plan.images,
    )  # fmt: skip
    bar.advance(0, 'compiling')
    taken: Taken | None = None
    try:
      for step in range(start + 1, plan.steps + 1):
        if stalled():  # before this start, maybe
          break
        batch = next(source)
        if layout is not None:
          batch = layout.place_batch(batch)
        state, metrics = step_fn(state, batch)
        watch.settle(taken)  # while this step runs
        taken = Taken(step, metrics, batch)
        stop = terminated(step)
        due = step % plan.save_every == 0 or step == plan.steps
        if due or stop:
          watch.settle(taken)
          taken = None
          found = _validated(validate, state, writer) if due else {}
          stalled.see(step, found)
          writer.sync()
          checkpoints.save(step, state, score(found))
        bar.advance()
        if stop:
          break
    except Diverged as diverged:
      where = explain(state, diverged.taken.batch) if explain else ''
      raise diverged.told(where, checkpoints.latest_step()) from None
    jax.block_until_ready(state)
    checkpoints.wait()
    if stalled() and int(state.step) < plan.steps:
      say(stalled.told())
    saved = checkpoints.latest_step() or 0
    if terminated(saved):
      raise Terminated(
        f'stopped by SIGTERM after step {saved} of '
        f'{plan.steps}, which is saved; run it again to resume.'
      )
  return state


def _validated(
  validate: Callable[[Any], Mapping[str, float]] | None,
  state: Any,
  writer: MetricsWriter,
) -> Mapping[str, float]:
  """Evaluates a state and records it; the first value is its score."""
  if validate is None:
    return {}
  values = validate(state)
  writer.write(int(state.step), {'validation': values})
  return values
