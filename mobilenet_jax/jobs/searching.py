"""What a search is given, and which algorithms there are."""

import functools
import importlib
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mobilenet_jax.arch import ArchSpec, count
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data.sources import Source
from mobilenet_jax.jobs.pricing import Pricing
from mobilenet_jax.space import SearchSpace
from mobilenet_jax.supernet.support import (
  check_mixable,
  check_shareable,
  check_together,
)
from mobilenet_jax.tasks.distillation import Teacher

# the module beside this one whose `find(job)` returns a choice vector, and
# `images(config, space)` how many images that costs
ALGORITHMS = {
  'tunas': 'one_shot', 'sandwich': 'sandwich',
  'differentiable': 'differentiable', 'trials': 'trials',
}  # fmt: skip
DRAWS = 100  # networks, for a mean
NONE: frozenset[str] = frozenset()
SHARING = ('tunas', 'sandwich', 'differentiable')  # one network's weights


@dataclass(frozen=True)
class Data:
  """The splits of a run: to train on, to search on, to report on."""

  train: Source
  held_out: Source
  test: Source


@dataclass(frozen=True)
class SearchJob:
  """A search to be done.

  Attributes:
    config: of the whole run; the algorithm's own settings are `search`.
    folder: of the run; an algorithm keeps there what it needs to go on.
    teacher: whom shared weights learn from, beside the labels.
    storage: URL of the database of a multi-trial search; '' is a file in
      `folder`.
  """

  config: Any
  space: SearchSpace
  pricing: Pricing
  data: Data
  folder: Path
  teacher: Teacher | None
  storage: str = ''


def find(job: SearchJob) -> tuple[int, ...]:
  """Searches by the algorithm that the config names, or goes on; returns the
  choice vector of the found network."""
  return _module(job.config).find(job)


def check_space(config: Any, space: SearchSpace) -> None:
  """Raises UserError for a space that the algorithm cannot search."""
  part, several = config.search, len(space.resolutions) > 1
  # several networks in one program are masks of one
  if part.algorithm in SHARING or part.get('at_once', 1) > 1:
    check_shareable(space.spec)
  if part.get('at_once', 1) > 1:
    check_together(space.spec)
  if part.algorithm == 'differentiable':
    check_mixable(space.spec)
  if part.algorithm == 'sandwich' and part.resolutions and several:
    raise UserError(
      f'search.resolutions is {tuple(part.resolutions)}, but '
      f'{space.spec.name} searches its resolution: it is ().'
    )


def search_images(config: Any, space: SearchSpace) -> float:
  """How many images a search sees, as a mean network of the space sees them.

  An image that is seen by a larger network counts as many times more as its
  multiply-adds are. One seen without learning counts a third: a training step
  is a pass forward and, at about twice its cost, one back.
  """
  own = float(_module(config).images(config, space))
  return own + narrowing_images(config, space)


def narrowing_images(config: Any, space: SearchSpace) -> float:
  """Those of a search that NetAdapt sees, up to about so many, and the training
  of its seed."""
  return float(_narrowing().images(config, space))


def training_images(
  config: Any, space: SearchSpace, networks: Iterable[ArchSpec]
) -> float:
  """How many images the training of networks sees, counted alike; once, for
  further seeds tell the noise and find nothing."""
  work = sum(count(spec).macs for spec in networks) / mean_macs(space)
  return float(config.train.steps * config.train.batch * work)


def beside_mean(space: SearchSpace, vector: Sequence[int]) -> float:
  """Multiply-adds of a network over the mean of random ones."""
  return count(space.decode(vector)).macs / mean_macs(space)


@functools.lru_cache(maxsize=64)
def mean_macs(space: SearchSpace, largest: frozenset[str] = NONE) -> float:
  """Mean multiply-adds of random networks.

  Args:
    largest: decisions that are taken as the largest network has them.
  """
  rng, most = np.random.default_rng(0), space.largest()
  drawn = [
    [
      top if tag in largest else index
      for tag, top, index in zip(
        space.tags, most, space.sample(rng), strict=True
      )
    ]
    for _ in range(DRAWS)
  ]
  return statistics.fmean(count(space.decode(v)).macs for v in drawn)


def _narrowing() -> Any:  # it imports this
  return importlib.import_module('mobilenet_jax.jobs.narrowing')


def _module(config: Any) -> Any:
  name = ALGORITHMS[config.search.algorithm]
  return importlib.import_module(f'mobilenet_jax.jobs.{name}')
