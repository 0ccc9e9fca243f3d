"""Search, then NetAdapt: MobileNetV3's way to a network.

arXiv 1905.02244, section 4: a search finds a seed, slower than the target, and
NetAdapt narrows it down. The `refine` part of a search config asks for it.
"""

import dataclasses
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from mobilenet_jax.arch import ArchSpec, from_json, to_json
from mobilenet_jax.core.files import read_json, write_json
from mobilenet_jax.core.progress import say
from mobilenet_jax.jobs import refine
from mobilenet_jax.jobs.contenders import contender_folder, train_contender
from mobilenet_jax.jobs.refine_defaults import refine_config
from mobilenet_jax.jobs.searching import SearchJob, find
from mobilenet_jax.latency.bounds import check_target
from mobilenet_jax.latency.table import LatencyTable

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
  train_contender(job, seed, 'training the seed')
  place = job.folder / FOLDER
  weights = contender_folder(job, seed.name, job.config.seed)
  found = refine.descend(
    refinement_of(job.config, pricing.target_ms, weights, pricing.path),
    str(place),
  )
  # it may have measured blocks of widths that the space does not have
  pricing.table = LatencyTable.load(place / 'latency.csv')
  pricing.table.save(pricing.path)
  return found.replace(name='found')


def refinement_of(
  config: Any, target_ms: float, weights: Path | str, table: Path | str
) -> ConfigDict:
  """The config of the refinement that a search config asks for."""
  made = refine_config()
  made.seed = config.seed
  made.data = ConfigDict(config.data)
  made.train = ConfigDict(config.train)
  wanted = config.refine.to_dict()
  del wanted['seed_ratio']
  made.refine.update(ConfigDict(wanted))
  made.model.weights = str(weights)
  made.latency.table = str(table)
  made.latency.target_ms = target_ms
  return made
