"""What a search is given, and which algorithms there are."""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilenet_jax.data.sources import Source
from mobilenet_jax.jobs.pricing import Pricing
from mobilenet_jax.space import SearchSpace
from mobilenet_jax.supernet.support import check_shareable
from mobilenet_jax.tasks.distillation import Teacher

# the module beside this one whose `find(job)` returns a choice vector, and
# `images(config.search)` how many images that costs
ALGORITHMS = {
  'tunas': 'one_shot', 'sandwich': 'sandwich',
  'differentiable': 'differentiable', 'trials': 'trials',
}  # fmt: skip
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
  if config.search.algorithm in SHARING:
    check_shareable(space.spec)


def cost(config: Any) -> dict[str, float]:
  """How many images the search sees, and the training of the random networks
  beside it. An image seen without learning counts a third: a training step is
  a pass forward and, at about twice its cost, one back."""
  randoms = config.compare.random * config.compare.seeds
  return {
    'search': _module(config).images(config.search),
    'random': float(randoms * config.train.steps * config.train.batch),
  }


def _module(config: Any) -> Any:
  name = ALGORITHMS[config.search.algorithm]
  return importlib.import_module(f'mobilenet_jax.jobs.{name}')
