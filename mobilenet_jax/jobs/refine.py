"""NetAdapt as a job: a trained network made narrower, down to a latency.

`search.netadapt` says how. Every proposal is in `proposals.jsonl` of the run
folder; the same command on the same folder resumes. At its end the folder is
that of a training: the narrower network, trained on by the `train` part of the
config, which begins with the weights that it was refined to.
"""

import dataclasses
from pathlib import Path
from typing import Any

import jax

from mobilenet_jax.arch import ArchSpec, from_json, to_json, to_string
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import read_json, write_bytes, write_json
from mobilenet_jax.core.progress import say
from mobilenet_jax.data.augment import make_augmentation
from mobilenet_jax.jobs.checks import check_refine
from mobilenet_jax.jobs.network_prices import check_target, open_prices
from mobilenet_jax.jobs.refine_defaults import completed
from mobilenet_jax.jobs.refining import Refining
from mobilenet_jax.jobs.runs import open_run
from mobilenet_jax.jobs.searching import Data
from mobilenet_jax.jobs.splits import open_split, open_training, remember
from mobilenet_jax.jobs.splits import settled as with_splits
from mobilenet_jax.jobs.starting import Start, loaded
from mobilenet_jax.jobs.teachers import digest
from mobilenet_jax.jobs.trainer import (
  Images,
  Training,
  evaluate_network,
  network_of,
  train_network,
)
from mobilenet_jax.jobs.training import check_fit
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.models import narrow, widths
from mobilenet_jax.report.refining import draw_refining
from mobilenet_jax.search import netadapt
from mobilenet_jax.search.netadapt import Point, Settings, Trial

PICTURE = 'refine.png'
WAY = 'way.json'


@dataclasses.dataclass(frozen=True)
class Way:
  """Where a refinement began and ended."""

  seed: Point
  end: Point
  iterations: int


def run(config: Any, workdir: str) -> dict[str, Any]:
  """Narrows the network of a refine config in a run folder of its own.

  Returns:
    What `result.json` holds: as of a training, and 'seed' (its arch, ms and
    accuracies), 'target_ms', 'priced_ms', 'held_out_accuracy' (before the last
    training), 'iterations', 'proposals' and 'picture'.

  Raises:
    UserError: the config, the folder, the weights, the table or the target is
      wrong; it says so before anything is trained.
  """
  config = completed(config)
  check_refine(config)
  config = with_splits(config)
  with open_run(workdir, 'refine', config) as folder:
    done = folder / 'result.json'
    return read_json(done) if done.exists() else _run(config, folder)


def descend(
  config: Any, workdir: str, *, weights: Path, table: Path
) -> ArchSpec:
  """As `run`, but ends with the narrower network, which is to be trained from
  scratch by somebody else; `way.json` of the folder keeps it.

  Args:
    weights: run folder of the seed. The config that is kept, and compared when
      the run is resumed, does not name it, nor the table: so they may be moved.
    table: of the prices.

  Raises:
    UserError: see `run`.
  """
  check_refine(config)
  config = with_splits(config)
  with open_run(workdir, 'refine', config) as folder:
    done = folder / WAY
    if not done.exists():
      config.model.weights, config.latency.table = str(weights), str(table)
      descent = _descended(completed(config), folder)
      write_json(
        done, {'arch': to_json(descent.spec), **_told(config, descent.way)}
      )
    return from_json(read_json(done)['arch'])


def _run(config: Any, folder: Path) -> dict[str, Any]:
  descent = _descended(config, folder)
  refining, data, end = descent.refining, descent.data, descent.spec
  seed_test = evaluate_network(
    network_of(refining.seed, config.train), descent.first, data.test
  )
  more = _told(config, descent.way)
  more['seed']['test'] = seed_test
  more['proposals'] = sum('proposal' in row for row in refining.log.rows)
  weights = narrow.cut(refining.seed, refining.weights, refining.masks)
  taken = len(jax.tree.leaves(weights))
  return train_network(
    Training(
      end,
      config.train,
      Images(data.train, data.test),
      config.seed,
      folder,
      title=f'training {end.name}',
      augment=make_augmentation(config.data.augment),
      start=Start(end, weights, config.model.weights, taken, 0),
      finish=lambda *_: more,
    )
  )


@dataclasses.dataclass(frozen=True)
class _Descent:
  """A refinement that has reached its target.

  Attributes:
    spec: the network it ended at.
    first: variables of the seed.
  """

  spec: ArchSpec
  way: Way
  refining: Refining
  first: Any
  data: Data


def _descended(config: Any, folder: Path) -> _Descent:
  """Comes down to the target, or goes on; draws the way."""
  part = config.latency
  if part.table and not (folder / 'latency.csv').exists():
    LatencyTable.load(part.table)  # refused before anything else is done
  spec, variables = loaded(config.model)
  if config.model.resolution:
    spec = spec.replace(resolution=config.model.resolution)
  least = widths.narrowest(spec)  # refuses blocks that cannot be
  data = _open_data(config)
  check_fit(spec, data.train)
  remember(folder, vars(data))
  _remember_seed(folder, spec, variables)
  prices = open_prices(part, (spec, least), folder)
  seed_ms, least_ms = prices((spec, least))
  check_target(part.target_ms, spec, least_ms, seed_ms)
  _tell(config, spec, seed_ms, prices.estimated(spec))
  refining = Refining(spec, variables, config, data, folder)
  way = _refined(config, refining, seed_ms, prices)
  write_bytes(
    folder / PICTURE, draw_refining(refining.log.rows, part.target_ms)
  )
  end = way.end.spec.replace(name=_name(spec.name))
  return _Descent(end, way, refining, variables, data)


def _told(config: Any, way: Way) -> dict[str, Any]:
  """What is kept of a way."""
  return {
    'seed': {
      'arch': to_string(way.seed.spec),
      'ms': way.seed.ms,
      'held_out_accuracy': way.seed.accuracy,
    },
    'target_ms': config.latency.target_ms,
    'priced_ms': way.end.ms,
    'held_out_accuracy': way.end.accuracy,
    'iterations': way.iterations,
    'picture': PICTURE,
  }


def _refined(
  config: Any, refining: Refining, seed_ms: float, prices: netadapt.Prices
) -> Way:
  """Goes from the seed, or from where it was settled last, to the target."""
  part, log, spec = config.refine, refining.log, refining.seed
  if log.seed is None:
    log.add_seed(seed_ms, refining.judge(refining.weights))
  first = log.seed or {}
  seed = at = Point(spec, seed_ms, first['accuracy'])
  settled = log.settled()
  for row, end in settled:
    spec = widths.with_widths(spec, {row['shrank']: row['after']})
    at = Point(spec, end['ms'], end['accuracy'])
  settings = Settings(
    config.latency.target_ms, part.delta * seed_ms, part.decay, part.criterion
  )

  def settle(trial: Trial) -> None:
    refining.settle(trial)
    found = trial.proposal
    say(
      f'Iteration {trial.iteration}: {found.group} from {found.before} to '
      f'{found.after} channels; '
      f'{found.ms:.4g} ms, held-out accuracy {trial.accuracy:.2%}.'
    )

  end = netadapt.refine(
    at, settings, prices, refining.tune, refining.seen, settle, len(settled)
  )
  return Way(seed, end, len(log.settled()))


def _open_data(config: Any) -> Data:
  data = config.data
  return Data(
    open_training(
      data, data.train_split, config.refine.batch, config.train.batch
    ),
    open_split(data, data.held_out_split),
    open_split(data, data.test_split),
  )


def _remember_seed(folder: Path, spec: ArchSpec, variables: Any) -> None:
  """Writes down what a run began with, or compares with it.

  Raises:
    UserError: the weights are others than then.
  """
  path = folder / 'seed.json'
  now = {'arch': to_string(spec), 'sha256': digest(variables)}
  if not path.exists():
    write_json(path, now)
  elif read_json(path) != now:
    raise UserError(
      f'The weights are not those that the run in {folder} began with; bring '
      'them back, or use another --workdir.'
    )


def _tell(config: Any, spec: ArchSpec, seed_ms: float, estimated: int) -> None:
  """Says what is ahead."""
  part, target = config.refine, config.latency.target_ms
  groups = widths.widths(spec)
  most = min(
    netadapt.iterations(1 - target / seed_ms, part.delta, part.decay),
    sum(len(group.fewer) for group in groups),
  )
  say(
    f'{spec.name}: {seed_ms:.4g} ms, target {target:g} ms: up to about {most} '
    f'iterations of {len(groups)} proposals, {part.steps} steps each.'
  )
  if estimated:
    say(
      f'The table lacks {estimated} of its {len(spec.blocks)} blocks; prices '
      'of those, and of narrower ones, are estimates.'
    )


def _name(seed: str) -> str:
  return seed if seed.endswith('_refined') else f'{seed}_refined'
