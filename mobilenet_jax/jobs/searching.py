"""What a search is given, and which algorithms there are."""

import functools
import importlib
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mobilenet_jax.arch import count
from mobilenet_jax.data.sources import Source
from mobilenet_jax.jobs.pricing import Pricing
from mobilenet_jax.space import SearchSpace
from mobilenet_jax.supernet.support import check_shareable
from mobilenet_jax.tasks.distillation import Teacher

# the module beside this one whose `find(job)` returns a choice vector, and
# `images(config, space)` how many images that costs
ALGORITHMS = {
  'tunas': 'one_shot', 'sandwich': 'sandwich',
  'differentiable': 'differentiable', 'trials': 'trials',
}  # fmt: skip
LEAST_RANDOM = 2  # networks that have a spread
DRAWS = 100  # networks, for a mean
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


def cost(config: Any, space: SearchSpace) -> dict[str, float]:
  """How many images the search sees, and the training of the random networks
  beside it, both as a mean network's; 'narrowing' are those of the search that
  NetAdapt sees, up to about so many, and the training of its seed.

  An image seen without learning counts a third: a training step is a pass
  forward and, at about twice its cost, one back.
  """
  each = _cost_of_one(config)
  return {
    'search': _searched(config, space),
    'narrowing': _narrowing().images(config, space),
    'random': each * random_networks(config, space),
  }


def random_networks(config: Any, space: SearchSpace) -> int:
  """How many random networks are trained: those that the config asks for, or
  as many as cost what the search does."""
  asked = config.compare.random
  if asked:
    return asked
  search = _searched(config, space)
  return max(math.ceil(search / _cost_of_one(config)), LEAST_RANDOM)


def _searched(config: Any, space: SearchSpace) -> float:
  """Images that it costs to find a network, by narrowing a seed at the end."""
  own = float(_module(config).images(config, space))
  return own + _narrowing().images(config, space)


def _cost_of_one(config: Any) -> float:
  return float(config.compare.seeds * config.train.steps * config.train.batch)


@functools.lru_cache(maxsize=64)
def beside_mean(space: SearchSpace, vector: Sequence[int]) -> float:
  """Multiply-adds of a network over the mean of random ones."""
  rng = np.random.default_rng(0)
  drawn = [space.decode(space.sample(rng)) for _ in range(DRAWS)]
  mean = statistics.fmean(count(spec).macs for spec in drawn)
  return count(space.decode(vector)).macs / mean


def _narrowing() -> Any:  # it imports this
  return importlib.import_module('mobilenet_jax.jobs.narrowing')


def _module(config: Any) -> Any:
  name = ALGORITHMS[config.search.algorithm]
  return importlib.import_module(f'mobilenet_jax.jobs.{name}')
