"""Search, then NetAdapt: MobileNetV3's way to a network.

arXiv 1905.02244, section 4: a search finds a seed, slower than the target, and
NetAdapt narrows it down. The `refine` part of a search config asks for it.
"""

import dataclasses
import functools
import statistics
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from mobilenet_jax.arch import ArchSpec, from_json, to_json
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import read_json, write_json
from mobilenet_jax.core.progress import say
from mobilenet_jax.jobs import refine
from mobilenet_jax.jobs.contenders import contender_folder, train_once
from mobilenet_jax.jobs.refine_defaults import refine_config
from mobilenet_jax.jobs.searching import DRAWS, SearchJob, find
from mobilenet_jax.latency.bounds import check_target
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.models.widths import widths
from mobilenet_jax.search.netadapt import iterations
from mobilenet_jax.space import SearchSpace

FOLDER = 'refined'  # of the run folder: a refinement's own
SEED = 'seed_arch.json'  # of the run folder: what the search found


def find_narrowed(job: SearchJob) -> ArchSpec:
  """Searches for a seed, trains it, and narrows it down to the target.

  Raises:
    UserError: the seed's latency is out of the space's reach.
  """
  pricing = job.pricing
  seed_ms = pricing.target_ms * job.config.refine.seed_ratio
  check_target(seed_ms, pricing.tensors)
  path = job.folder / SEED
  if not path.exists():
    say(f'Searching for a seed of {seed_ms:.4g} ms, to be narrowed.')
    aimed = dataclasses.replace(pricing, target_ms=seed_ms)
    vector = find(dataclasses.replace(job, pricing=aimed))
    write_json(path, to_json(job.space.decode(vector, 'seed')))
  seed = from_json(read_json(path))
  train_once(job, seed, job.config.seed, 'training the seed')
  place = job.folder / FOLDER
  found = refine.descend(
    refinement_of(job.config, pricing.target_ms),
    str(place),
    weights=contender_folder(job, seed.name, job.config.seed),
    table=pricing.path,
  )
  # it may have measured blocks of widths that the space does not have
  pricing.table = LatencyTable.load(place / 'latency.csv')
  pricing.table.save(pricing.path)
  return found.replace(name='found')


def check_seed(config: Any) -> None:
  """Checks that every seed of a search config is slower than its target.

  Raises:
    UserError: one may not be.
  """
  ratio, near = config.refine.seed_ratio, config.latency.tolerance
  if ratio * (1 - near) <= 1:
    raise UserError(
      f'refine.seed_ratio is {ratio!r}; a seed that is {near:.0%} faster '
      '(latency.tolerance) would be no slower than the target: it must be more '
      'than 1 / (1 - latency.tolerance).'
    )


def refinement_of(config: Any, target_ms: float) -> ConfigDict:
  """The config of the refinement that a search config asks for. It names no
  weights and no table: both are in the search's folder, which may be moved."""
  made = refine_config()
  made.seed = config.seed
  made.data = ConfigDict(config.data)
  made.train = ConfigDict(config.train)
  wanted = config.refine.to_dict()
  del wanted['seed_ratio']
  made.refine.update(ConfigDict(wanted))
  made.latency.target_ms = target_ms
  return made


def images(config: Any, space: SearchSpace) -> float:
  """What it costs to train the seed and to narrow it; see
  `searching.search_images`. 0 where a search config asks for neither.

  The seed is taken for a mean network of the space, with as many groups of
  channels, every group has a proposal in every iteration, and an iteration cuts
  the least that it may: it rarely costs more.
  """
  if 'refine' not in config:
    return 0.0
  part = config.refine
  groups, steps = _channels(space)
  count = min(
    iterations(1 - 1 / part.seed_ratio, part.delta, part.decay), steps
  )
  proposal = part.steps * part.batch + part.held_out_images / 3
  seed = config.train.steps * config.train.batch
  return seed + count * groups * proposal


@functools.lru_cache(maxsize=64)
def _channels(space: SearchSpace) -> tuple[float, float]:
  """Means of random networks: groups of channels, and how often one of them
  can be made narrower."""
  rng = np.random.default_rng(0)
  drawn = [widths(space.decode(space.sample(rng))) for _ in range(DRAWS)]
  return (
    statistics.fmean(len(found) for found in drawn),
    statistics.fmean(sum(len(w.fewer) for w in found) for found in drawn),
  )
