"""Differentiable search as a job: shared weights and the odds of choices."""

from typing import Any

from mobilenet_jax.arch import choice_tables, count, macs_of
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.progress import say
from mobilenet_jax.jobs.one_shot import Training, choose, compared, rests
from mobilenet_jax.jobs.pricing import Pricing
from mobilenet_jax.jobs.searching import SearchJob, beside_mean
from mobilenet_jax.search import differentiable
from mobilenet_jax.search.penalties import SHORTEST_MS
from mobilenet_jax.space import SearchSpace


def find(job: SearchJob) -> tuple[int, ...]:
  """Trains the shared weights and the architecture, and chooses.

  Raises:
    UserError: see `trained`.
  """
  state = trained(job)
  return choose(job, state.architecture.logits, state.weights.params)


def trained(job: SearchJob) -> differentiable.DifferentiableState:
  """The state after all steps.

  Raises:
    UserError: the penalty does not suit latencies as short as these.
  """
  space, config, part = job.space, job.config, job.config.search
  pricing = job.pricing
  if part.penalty == 'multiply':
    check_logs(pricing)
  settings = differentiable.Settings(
    steps=part.steps,
    targets_ms=(pricing.target_ms, *(p.target_ms for p in pricing.more)),
    penalty=part.penalty,
    weight=part.penalty_weight,
    exponent=part.penalty_exponent,
    learning_rate=part.learning_rate,
    warm_up=part.warm_up,
    temperature=(part.temperature_first, part.temperature_last),
    seed=config.seed,
  )
  training = Training.of(job)
  step = differentiable.search_step(
    space,
    [pricing.tensors, *(phone.tensors for phone in pricing.more)],
    training.rule,
    settings,
    **training.shared,
  )
  say(f'{training.cost()}; every step takes all choices at once.')
  return training.fit(
    differentiable.initial_state(space, training.rule, config.seed), step
  )


def check_logs(pricing: Pricing) -> None:
  """Checks that every latency has a positive log in microseconds.

  Raises:
    UserError: the fastest network of a device is too fast.
  """
  for low, _ in (pricing.bounds, *(phone.bounds for phone in pricing.more)):
    if low <= SHORTEST_MS:
      raise UserError(
        f"search.penalty 'multiply' takes logs of latencies above "
        f'{SHORTEST_MS:g} ms, and the fastest network of the space takes '
        f"{low:g} ms; 'absolute' and 'add' take any."
      )


def images(config: Any, space: SearchSpace) -> float:
  """What a search costs; see `searching.search_images`. A step takes all
  choices at once, so that an image is seen by every operation at its
  largest."""
  part, largest = config.search, space.largest()
  learnt = part.steps * part.batch + rests(part) * part.held_out_batch
  tables = choice_tables(space.spec, macs_of)
  all_of = sum(float(table.values.max()) for table in tables)
  more = all_of / count(space.decode(largest)).macs  # 1 without operations
  return learnt * more * beside_mean(space, largest) + compared(part) / 3
