"""Reads a finished search's run folder, all that the report shows."""

import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilenet_jax.arch import ArchSpec, from_json, from_string
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import read_json
from mobilenet_jax.report.blocks import Prices, read_prices

NEEDED = (
  'config.json', 'env.json', 'latency.csv', 'latency.json', 'metrics.jsonl',
  'arch.json', 'deployed.json', 'predictions.json', 'results.json',
  'timings.json',
)  # fmt: skip
Records = list[dict[str, Any]]


@dataclass(frozen=True)
class Contender:
  """A trained network.

  Attributes:
    role: 'found', 'scaled' or 'random'.
    accuracies: on the test images, a training each.
    loss: on the test images, of the first training.
    held_out: accuracy on the held-out images; None where it was not measured.
    curve: its training metrics.
  """

  role: str
  name: str
  spec: ArchSpec
  params: int
  macs: int
  accuracies: tuple[float, ...]
  loss: float
  held_out: float | None
  priced_ms: float
  curve: Records

  @property
  def accuracy(self) -> float:
    """Mean over its trainings."""
    return statistics.fmean(self.accuracies)


@dataclass(frozen=True)
class Run:
  """What a run folder says; see `jobs.search` for its files."""

  folder: Path
  config: dict[str, Any]
  environment: dict[str, Any]
  provenance: dict[str, Any]
  prices: Prices
  search: Records
  spec: ArchSpec
  contenders: tuple[Contender, ...]
  target_ms: float
  deployed: dict[str, Any]
  space: dict[str, Any]
  cost: dict[str, float]
  evidence: dict[str, Any]
  inherited: dict[str, Any]
  account: dict[str, int]
  predictions: Records
  timings: dict[str, float]
  more_targets: Records

  @property
  def found(self) -> Contender:
    """The contender that the search found."""
    return self.of_role('found')[0]

  @property
  def tolerance(self) -> float:
    """How far from the target a network may lie, relative."""
    return float(self.config.get('latency', {}).get('tolerance', 0.0))

  @property
  def narrowed(self) -> bool:
    """Whether the search found a seed, and NetAdapt the network."""
    return 'refine' in self.config

  @property
  def aim_ms(self) -> float:
    """Latency that the search itself was to land on."""
    return float(self.evidence.get('aim_ms', self.target_ms))

  @property
  def aim(self) -> str:
    """What that is, in words."""
    return 'aim for the seed' if self.narrowed else 'target'

  def of_role(self, role: str) -> list[Contender]:
    """The contenders of a role."""
    return [c for c in self.contenders if c.role == role]


def read_run(folder: Path) -> Run:
  """Reads a run folder.

  Raises:
    UserError: it is not a finished search; the missing file is named.
  """
  missing = [name for name in NEEDED if not (folder / name).is_file()]
  if missing:
    raise UserError(
      f'{folder} is not a finished search run: {missing[0]} is missing.'
    )
  read = {
    Path(name).stem: read_json(folder / name)
    for name in NEEDED
    if name.endswith('.json')
  }
  results = read['results']
  try:
    dtype = str(read['latency']['dtype'])
    contenders = tuple(_contender(row, folder) for row in results['contenders'])
    run = Run(
      folder=folder,
      config=read['config'],
      environment=read['env'],
      provenance=read['latency'],
      prices=read_prices(folder / 'latency.csv', dtype),
      search=trained(read_records(folder / 'metrics.jsonl')),
      spec=from_json(read['arch']),
      contenders=contenders,
      target_ms=float(results['target_ms']),
      deployed=results['deployed'],
      space=results.get('space') or {},
      cost=results.get('cost') or {},
      evidence=_optional(folder / 'evidence.json'),
      inherited=_optional(folder / 'inherited.json'),
      account=_optional(folder / 'trials.json'),
      predictions=read['predictions'],
      timings=read['timings'],
      more_targets=[
        {**row, 'found_ms': results['contenders'][0]['priced_on'][row['name']]}
        for row in results.get('more_targets') or ()
      ],
    )
  except (KeyError, TypeError) as error:
    raise UserError(f'A file of {folder} lacks {error}.') from error
  if not run.of_role('found'):
    raise UserError(f'{folder}/results.json holds no found network.')
  return run


def _optional(path: Path) -> dict[str, Any]:
  return read_json(path) if path.is_file() else {}


def read_records(path: Path) -> Records:
  """The whole lines of a metrics file.

  Raises:
    UserError: it is missing or a line is not JSON.
  """
  try:
    lines = path.read_text().split('\n')[:-1]
    return [json.loads(line) for line in lines]
  except OSError as error:
    raise UserError(f'Cannot read {path}: {error.strerror}.') from error
  except ValueError as error:
    raise UserError(f'{path} is not valid JSON lines: {error}.') from error


def trained(records: Records) -> Records:
  """The records of training steps."""
  return [r for r in records if 'loss' in r]


def validated(records: Records) -> Records:
  """What was measured on held-out images, each with its step."""
  return [
    {'step': r['step'], **r['validation']} for r in records if 'validation' in r
  ]


def _contender(row: dict[str, Any], folder: Path) -> Contender:
  return Contender(
    role=row['role'],
    name=row['name'],
    spec=from_string(row['arch']),
    params=row['params'],
    macs=row['macs'],
    accuracies=tuple(row.get('accuracies') or [row['test']['accuracy']]),
    loss=row['test']['loss'],
    held_out=row.get('held_out_accuracy'),
    priced_ms=row['priced_ms'],
    curve=read_records(folder / 'contenders' / row['name'] / 'metrics.jsonl'),
  )
