"""Reads runs of any kind, finished or not, to be held side by side."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilenet_jax.arch import count, from_json, to_string
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import read_json
from mobilenet_jax.core.text import printable
from mobilenet_jax.report.reading import (
  Records,
  read_records,
  trained,
  validated,
)

Flat = dict[str, Any]


@dataclass(frozen=True)
class Entry:
  """A training run, a search's contender, or a search that has none yet.

  Attributes:
    label: what the reader knows it by; differs from run to run.
    name, arch: of the network; '' where it is not known yet.
    params, macs: None where it is not known yet.
    test: accuracy, loss and perhaps top5; empty where it has not finished.
    step, steps: reached, wanted.
    config: its fields, 'train.steps' say, to their values.
    curve: records of its training steps.
    validation: accuracy and loss on held-out images at some steps.
  """

  label: str
  name: str
  arch: str
  params: int | None
  macs: int | None
  test: dict[str, float]
  step: int
  steps: int
  config: Flat
  curve: Records
  validation: Records

  @property
  def finished(self) -> bool:
    return bool(self.test)

  @property
  def progress(self) -> str:
    """'1,000', or '250 of 1,000'."""
    if self.finished:
      return f'{self.steps:,}'
    return f'{self.step:,} of {self.steps:,}'

  @property
  def best_validation(self) -> float | None:
    """The best accuracy on held-out images."""
    known = (float(r.get('accuracy', math.nan)) for r in self.validation)
    return max(filter(math.isfinite, known), default=None)


def read_entries(folders: Sequence[str | Path]) -> list[Entry]:
  """Reads run folders; of a search its contenders, found one first.

  Raises:
    UserError: a folder holds no run, or a file of it is damaged.
  """
  places = list({Path(f).resolve(): Path(f) for f in folders}.values())
  names = [place.resolve().name for place in places]
  found: list[Entry] = []
  for place, name in zip(places, names, strict=True):
    label = printable(name if names.count(name) == 1 else place)
    try:
      found += _read(place, label)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
      if isinstance(error, UserError):
        raise
      raise UserError(f'A file of {place} lacks {error}.') from error
  return found


def is_finished_search(folder: str | Path) -> bool:
  """Whether a folder has a report of its own to be written."""
  return (Path(folder) / 'results.json').is_file()


def differences(entries: Sequence[Entry]) -> dict[str, list[Any]]:
  """The fields of the configs that are not alike in all of them.

  Returns:
    For each field its value in every entry, None where it has no such field.
  """
  fields = dict.fromkeys(f for entry in entries for f in entry.config)
  rows = {f: [entry.config.get(f) for entry in entries] for f in fields}
  return {f: row for f, row in rows.items() if any(v != row[0] for v in row)}


def _read(folder: Path, label: str) -> Iterable[Entry]:
  if not (folder / 'config.json').is_file():
    raise UserError(f'{folder} is no run folder: it has no config.json.')
  config = read_json(folder / 'config.json')
  searching = config.get('job') == 'search'
  inner = sorted(
    (path.parent for path in folder.glob('contenders/*/config.json')),
    key=lambda place: (place.name != 'found', place.name),
  )
  if not searching or not inner:
    return [_entry(folder, label, config, searching=searching)]
  return [
    _entry(
      place,
      f'{label}/{printable(place.name)}',
      read_json(place / 'config.json'),
    )
    for place in inner
  ]


def _entry(
  folder: Path, label: str, config: dict[str, Any], *, searching: bool = False
) -> Entry:
  """One row; a search without contenders has no network of its own yet."""
  records = _records(folder)
  arch = folder / 'arch.json'
  spec = None
  if arch.is_file() and not searching:
    spec = from_json(read_json(arch))
  counts = count(spec) if spec else None
  result = folder / 'result.json'
  test = {}
  ended = int(config['search' if searching else 'train']['steps'])
  if result.is_file():
    finished = read_json(result)
    found = finished['test']
    ended = int(finished.get('steps', ended))
    names = ('accuracy', 'loss', *(['top5'] if 'top5' in found else []))
    test = {name: float(found[name]) for name in names}
  return Entry(
    label=label,
    name=spec.name if spec else '',
    arch=to_string(spec) if spec else '',
    params=counts.params if counts else None,
    macs=counts.macs if counts else None,
    test=test,
    step=max((int(r['step']) for r in records), default=0),
    steps=ended,
    config=dict(_flat(config)),
    curve=[] if searching else trained(records),
    validation=validated(records),
  )


def _records(folder: Path) -> Records:
  path = folder / 'metrics.jsonl'
  return read_records(path) if path.is_file() else []


def _flat(value: Any, name: str = '') -> Iterable[tuple[str, Any]]:
  if not isinstance(value, dict):
    yield name, value
    return
  for key, inner in value.items():
    yield from _flat(inner, f'{name}.{key}' if name else str(key))
