"""TuNAS as a job: shared weights and a controller, then the choice.

`Training` and `choose` are those of every search that trains shared weights
step by step and ends with odds for every decision.
"""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import optax

from mobilenet_jax.arch.oneof import RESOLUTION
from mobilenet_jax.core.errors import JobError
from mobilenet_jax.core.progress import progress, say
from mobilenet_jax.data.augment import make_augmentation
from mobilenet_jax.data.pipeline import eval_batches, train_batches
from mobilenet_jax.jobs.evidence import by_neighbours, write_evidence
from mobilenet_jax.jobs.phones import naming
from mobilenet_jax.jobs.searching import SearchJob, mean_macs
from mobilenet_jax.jobs.trainer import plan_of
from mobilenet_jax.latency.bounds import in_window
from mobilenet_jax.search import oneshot
from mobilenet_jax.search.evidence import Judged, Vector
from mobilenet_jax.search.replicas import Replicas, make_replicas
from mobilenet_jax.search.select import (
  drawn_within,
  likeliest_within,
  uniform,
)
from mobilenet_jax.space import SearchSpace
from mobilenet_jax.space.roles import filter_tags
from mobilenet_jax.tasks import classification
from mobilenet_jax.train.loop import fit
from mobilenet_jax.train.optimizers import optimizer

MEASURE = 'held-out accuracy with shared weights'


def find(job: SearchJob) -> tuple[int, ...]:
  """Trains the shared weights and the controller, and chooses."""
  state = trained(job)
  return choose(job, state.controller.logits, state.weights.params)


def trained(job: SearchJob) -> oneshot.SearchState:
  """The state after all steps."""
  space, config, part = job.space, job.config, job.config.search
  more = job.pricing.more
  settings = oneshot.Settings(
    steps=part.steps,
    target_ms=job.pricing.target_ms,
    beta=part.beta,
    learning_rate=part.learning_rate,
    warm_up=part.warm_up,
    warm_up_hold=part.warm_up_hold,
    samples=part.samples,
    seed=config.seed,
    reward=part.get('reward', 'absolute'),
    more_targets_ms=tuple(phone.target_ms for phone in more),
  )
  training = Training.of(job)
  step = oneshot.search_step(
    space,
    job.pricing.tensors,
    training.rule,
    settings,
    more_prices=[phone.tensors for phone in more],
    **training.shared,
  )
  scored = part.samples * training.devices * rests(part)
  say(f'{training.cost()}; {scored:,} sampled networks are scored on them.')
  return training.fit(
    oneshot.initial_state(space, training.rule, config.seed), step
  )


def rests(part: Any) -> int:
  """Steps that the warm-up of a search leaves."""
  return part.steps - min(int(np.ceil(part.warm_up * part.steps)), part.steps)


@dataclass(frozen=True)
class Training:
  """How a job trains shared weights.

  Attributes:
    rule: their optimizer.
    replicas: the devices.
  """

  job: SearchJob
  rule: optax.GradientTransformation
  replicas: Replicas

  @classmethod
  def of(cls, job: SearchJob) -> 'Training':
    """That of a job's config.

    Raises:
      UserError: a batch does not divide among the devices.
    """
    part = job.config.search
    return cls(
      job,
      optimizer(part.optimizer, part.steps),
      make_replicas(part.batch, part.held_out_batch),
    )

  @property
  def devices(self) -> int:
    """How many train."""
    layout = self.replicas.layout
    return 1 if layout is None else layout.mesh.size

  @property
  def shared(self) -> dict[str, Any]:
    """What every step is made with."""
    smoothing = self.job.config.search.label_smoothing
    return {
      'loss': lambda logits, labels: classification.cross_entropy(
        logits, labels, smoothing
      ),
      'quality': classification.accuracy,
      'replicas': self.replicas,
    }

  def cost(self) -> str:
    """What the search will take, before it begins."""
    part = self.job.config.search
    on = f' on {self.devices} devices' if self.devices > 1 else ''
    return (
      f'{part.steps:,} steps{on}: the shared weights see '
      f'{part.steps * part.batch:,} images, the architecture '
      f'{rests(part) * part.held_out_batch:,} held-out ones'
    )

  def fit(self, state: Any, step: Callable[..., Any]) -> Any:
    """Takes all steps, or goes on; returns the last state.

    Args:
      state: of step 0.
      step: compiled (state, batch, teacher) -> (state, metrics).
    """
    job, part, layout = self.job, self.job.config.search, self.replicas.layout
    teacher = job.teacher
    if teacher is not None:
      teacher = dataclasses.replace(
        teacher, soft=part.soft_labels, features=0.0
      )
      if layout is not None:
        teacher = layout.place_state(teacher)
    return fit(
      state,
      functools.partial(step, teacher=teacher),
      lambda start: batches(job, start),
      plan_of(part, job.folder, 'searching'),
      record=oneshot.record(
        job.space,
        job.pricing.of_vector,
        [phone.name for phone in job.pricing.more],
      ),
      layout=layout,
    )


def choose(job: SearchJob, logits: Any, params: Any) -> tuple[int, ...]:
  """The best, by the shared weights, of the networks of `_candidates`.

  Args:
    logits: [decisions, most choices], -inf where there is no choice.
    params: the shared weights.

  Raises:
    JobError: no network is found within the window.
  """
  config, space, held_out = job.config, job.space, job.data.held_out
  candidates = _candidates(job, np.asarray(logits, np.float64))
  params = jax.tree.map(np.asarray, params)  # from all devices to one
  batch = config.search.held_out_batch
  count = min(config.search.candidate_images, len(held_out)) // batch
  images = eval_batches(
    held_out,
    batch=batch,
    resolution=space.resolution,
    inputs=space.spec.inputs,
  )
  batches = list(itertools.islice(images, max(count, 1)))
  judge = oneshot.judge(space, params, classification.accuracy, batches)
  judged = []
  with progress('comparing candidates', len(candidates)) as bar:
    for vector in candidates:
      ms = job.pricing.of_vector(vector)
      judged.append(Judged(vector, ms, judge(vector)))
      bar.advance()
  best = max(judged, key=lambda j: j.quality).vector  # of equals the first
  effects = by_neighbours(job, best, judged, judge)
  write_evidence(job, best, judged, MEASURE, effects)
  return best


def _candidates(job: SearchJob, logits: np.ndarray) -> list[Vector]:
  """The likeliest network within the window, then others that are drawn there.

  A search that has not come near its target has none of these; what it has
  learned is not lost, it judges random networks of the window.

  Raises:
    JobError: there are none of those either.
  """
  space, pricing, count = job.space, job.pricing, job.config.search.candidates
  target, near = pricing.target_ms, job.config.latency.tolerance
  window = (pricing.of_window, target, near)
  first = likeliest_within(space, logits, *window)
  found = [] if first is None else [first]
  known = {space.canonical(vector) for vector in found}
  drawn = drawn_within(
    space, logits, *window, count - len(found), job.config.seed
  )
  found += [v for v in drawn if space.canonical(v) not in known]
  if found:
    return found
  at = f'{target:g} ms +- {near:.0%}'
  say(
    f'The search has not come near its target: no likely network costs {at}; '
    'its weights choose among random ones that do.'
  )
  fits = lambda vector: in_window(pricing.of_window(vector), target, near)
  found = uniform(space, fits, count, job.config.seed)
  if not found:
    with naming(pricing.more):
      raise JobError(
        f'No network was found that costs {at}. Widen the tolerance or change '
        'the target.'
      )
  return found


def batches(job: SearchJob, start: int) -> Iterator[dict[str, Any]]:
  """Batches to train the shared weights on, and held-out ones to score on."""
  config, space = job.config, job.space
  shared = {
    'resolution': space.resolution, 'inputs': space.spec.inputs,
    'start_step': start,
  }  # fmt: skip
  train = train_batches(
    job.data.train,
    batch=config.search.batch,
    seed=config.seed,
    augment=make_augmentation(config.data.augment),
    **shared,
  )
  held_out = train_batches(
    job.data.held_out,
    batch=config.search.held_out_batch,
    seed=config.seed + 1,
    augment=False,
    **shared,
  )
  for a, b in zip(train, held_out, strict=True):
    yield {'train': a, 'held_out': b}


def images(config: Any, space: SearchSpace) -> float:
  """What a search costs; see `searching.search_images`.

  A sampled network is a mean one. In the warm-up operations are averaged, which
  costs what the largest of them do, and widths are the largest, each as likely
  as `oneshot.warm_up_probability` says.
  """
  part = config.search
  widths = frozenset(filter_tags(space.spec))
  operations = frozenset(space.tags) - widths - {RESOLUTION}
  odds = _odds(part)
  either = (odds * (1 - odds)).mean()
  work = (
    ((1 - odds) ** 2).mean() * mean_macs(space)
    + either * mean_macs(space, operations)
    + either * mean_macs(space, widths)
    + (odds**2).mean() * mean_macs(space, operations | widths)
  ) / mean_macs(space)
  scored = rests(part) * part.samples * part.held_out_batch
  return part.steps * part.batch * float(work) + (scored + compared(part)) / 3


def _odds(part: Any) -> np.ndarray:
  """[steps] of the warm-up; of a long search some of them, evenly."""
  moments = np.linspace(0, 1, min(part.steps, 10_000), endpoint=False)
  return np.asarray(
    oneshot.warm_up_probability(
      moments * part.steps, part.steps, part.warm_up, part.warm_up_hold
    )
  )


def compared(part: Any) -> int:
  """Images that candidates are compared by at the end."""
  return part.candidates * part.candidate_images
