"""What a search is given, and which algorithms there are."""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilenet_jax.data.sources import Source
from mobilenet_jax.jobs.pricing import Pricing
from mobilenet_jax.space import SearchSpace
from mobilenet_jax.tasks.distillation import Teacher

# the module beside this one whose `find(job)` returns a choice vector
ALGORITHMS = {'tunas': 'one_shot'}


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
  """

  config: Any
  space: SearchSpace
  pricing: Pricing
  data: Data
  folder: Path
  teacher: Teacher | None


def find(job: SearchJob) -> tuple[int, ...]:
  """Searches by the algorithm that the config names, or goes on; returns the
  choice vector of the found network."""
  module = ALGORITHMS[job.config.search.algorithm]
  return importlib.import_module(f'mobilenet_jax.jobs.{module}').find(job)
