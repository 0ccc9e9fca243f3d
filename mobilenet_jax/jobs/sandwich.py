"""The sandwich rule as a job: shared weights that need no training more.

The weights are trained (`search.sandwich`), networks explored by what they
inherit, and the best within the latency window written with its inherited
weights, ready to be used: `inherited.safetensors`, `inherited.tflite`.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from mobilenet_jax.arch import to_string
from mobilenet_jax.arch.oneof import RESOLUTION
from mobilenet_jax.core.files import write_json
from mobilenet_jax.core.progress import Progress, progress
from mobilenet_jax.data.augment import make_augmentation
from mobilenet_jax.data.pipeline import eval_batches, train_batches
from mobilenet_jax.data.sources import Source
from mobilenet_jax.jobs import deploy
from mobilenet_jax.jobs.evidence import by_neighbours, write_evidence
from mobilenet_jax.jobs.one_shot import MEASURE
from mobilenet_jax.jobs.searching import Data, SearchJob, beside_mean
from mobilenet_jax.jobs.trainer import evaluate_network, plan_of
from mobilenet_jax.latency.bounds import in_window
from mobilenet_jax.models.builder import build
from mobilenet_jax.models.pretrained.own import save_weights
from mobilenet_jax.search import evolution, nsga2, sandwich
from mobilenet_jax.search.evaluations import Evaluations
from mobilenet_jax.search.evidence import Judged
from mobilenet_jax.search.oneshot import judge
from mobilenet_jax.space import SearchSpace
from mobilenet_jax.supernet.calibrate import calibrate
from mobilenet_jax.supernet.extract import extract
from mobilenet_jax.tasks import classification
from mobilenet_jax.train.loop import fit
from mobilenet_jax.train.optimizers import optimizer


def find(job: SearchJob) -> tuple[int, ...]:
  """Trains the shared weights, explores, and writes the network that is found
  with what it inherits; see `inherit`. All that was evaluated is in
  `evaluations.jsonl`."""
  space, config = job.space, job.config
  params = shared_weights(space, config, job.data, job.folder)
  accuracy = inherited_accuracy(space, config, params, job.data.held_out)
  evaluations = Evaluations(
    job.folder / 'evaluations.jsonl', space, accuracy, job.pricing.of_vector
  )
  best = _explored(job, evaluations)
  judged = evaluations.all()
  effects = by_neighbours(job, best.vector, judged, accuracy)
  write_evidence(job, best.vector, judged, MEASURE, effects)
  inherit(job, params, best.vector)
  return best.vector


def images(config: Any, space: SearchSpace) -> float:
  """What a search costs; see `searching.search_images`."""
  part = config.search
  alone = round(part.warm_up * part.steps)
  largest = _beside_mean(space, space.largest())
  others = _beside_mean(space, space.smallest()) + sandwich.RANDOM
  passes = part.steps * largest + (part.steps - alone) * others
  explored = _evaluations(part) * part.candidate_images
  return passes * part.batch + explored / 3


def _evolution(part: Any, seed: int = 0) -> evolution.Settings:
  return evolution.Settings(
    population=part.population,
    generations=part.generations,
    parents=part.parents,
    mutated=part.mutated,
    mutation=part.mutation,
    seed=seed,
  )


def _evaluations(part: Any) -> int:
  """How many networks are evaluated, at most."""
  if part.explorer == 'evolution':
    return _evolution(part).evaluations
  return part.population * (part.generations + 1)


def _beside_mean(space: SearchSpace, vector: Sequence[int]) -> float:
  """Of a network at the resolutions of the steps."""
  if RESOLUTION not in space.tags:
    return beside_mean(space, vector)
  sides = range(len(space.resolutions))
  return fmean(beside_mean(space, (i, *vector[1:])) for i in sides)


def shared_weights(
  space: SearchSpace, config: Any, data: Data, folder: Path
) -> Any:
  """The parameters of the trained `SuperNetwork`; checkpoints and metrics are
  in the folder.

  Raises:
    JobError: training has diverged, or cannot save.
    Terminated: SIGTERM has come.
  """
  part = config.search
  settings = sandwich.Settings(
    smoothing=part.label_smoothing,
    seed=config.seed,
    warm_up=round(part.warm_up * part.steps),
    resolutions=tuple(part.resolutions) or space.resolutions,
  )
  rule = optimizer(part.optimizer, part.steps)
  state = fit(
    sandwich.initial_state(space, rule, config.seed),
    sandwich.sandwich_step(space, rule, settings),
    lambda start: _batches(space, config, data.train, settings, start),
    plan_of(part, folder, 'training shared weights'),
    record=sandwich.record,
  )
  return state.params


def _batches(
  space: SearchSpace,
  config: Any,
  source: Source,
  settings: sandwich.Settings,
  start: int,
) -> Iterator[dict[str, Any]]:
  """Training batches, and the side that a step resizes each to."""
  usual = space.resolution
  found = _training_images(space, config, source, usual, start)
  with contextlib.closing(found):
    for step, batch in enumerate(found, start):
      yield {**batch, 'resolution': settings.resolution(step, usual)}


def _training_images(
  space: SearchSpace, config: Any, source: Source, side: int, start: int = 0
) -> Any:
  return train_batches(
    source,
    batch=config.search.batch,
    seed=config.seed,
    resolution=side,
    augment=make_augmentation(config.data.augment),
    inputs=space.spec.inputs,
    start_step=start,
  )


def inherited_accuracy(
  space: SearchSpace, config: Any, params: Any, held_out: Source
) -> Callable[[Sequence[int]], float]:
  """Returns (choice vector) -> accuracy with the shared weights on
  `search.candidate_images` held-out images, by the statistics of each batch;
  one program for all networks of a resolution."""
  batch = config.search.held_out_batch
  count = min(config.search.candidate_images, len(held_out)) // batch
  images = eval_batches(
    held_out,
    batch=batch,
    resolution=space.resolution,
    inputs=space.spec.inputs,
  )
  batches = list(itertools.islice(images, max(count, 1)))
  return judge(space, params, classification.accuracy, batches)


def _explored(job: SearchJob, evaluations: Evaluations) -> Judged:
  """The most accurate network within the window, by the config's explorer."""
  part, pricing = job.config.search, job.pricing
  target, near = pricing.target_ms, job.config.latency.tolerance
  settings = _evolution(part, job.config.seed)

  def fits(vector: Sequence[int]) -> bool:
    return in_window(pricing.of_window(vector), target, near)

  with progress('exploring networks', _evaluations(part)) as bar:
    evaluate = _shown(evaluations, bar)
    if part.explorer == 'evolution':
      return evolution.evolve(job.space, evaluate, fits, settings)
    return nsga2.explore(
      job.space,
      evaluate,
      pricing.of_vector,
      fits,
      target * (1 + near),
      settings,
    )


def _shown(
  evaluations: Evaluations, bar: Progress
) -> Callable[[Sequence[int]], Judged]:
  """The same, with progress shown."""

  def evaluate(vector: Sequence[int]) -> Judged:
    found = evaluations(vector)
    bar.advance(1, f'{found.quality:.1%} at {found.ms:.3f} ms')
    return found

  return evaluate


def inherit(
  job: SearchJob, params: Any, vector: Sequence[int]
) -> dict[str, Any]:
  """Writes a network with its inherited weights and statistics of its own.

  `inherited.safetensors` and `inherited.tflite` are what `evaluate` and
  `predict` take; `inherited.json` says how the network does.

  Args:
    params: of the shared weights.
    vector: the network.
  """
  space, data, folder = job.space, job.data, job.folder
  spec = space.decode(vector, 'found')
  network = build(spec)
  count = job.config.search.calibration_batches
  own = extract(params, space, vector)
  with contextlib.closing(
    _training_images(space, job.config, data.train, spec.resolution)
  ) as images:
    batches = (batch['image'] for batch in itertools.islice(images, count))
    stats = calibrate(network, own, batches)
  variables = {'params': own, 'batch_stats': stats}
  found = {
    'name': spec.name,
    'arch': to_string(spec),
    'calibration_batches': count,
    'held_out': evaluate_network(network, variables, data.held_out),
    'test': evaluate_network(network, variables, data.test),
  }
  names = tuple(data.test.class_names)
  save_weights(folder / 'inherited.safetensors', spec, variables, names)
  deploy.export(spec, variables, folder / 'inherited.tflite', data.test, names)
  write_json(folder / 'inherited.json', found)
  return found
