"""A space whose every network is known: searches are tested on it in seconds.

A benchmark is a CSV, a row a network, and a JSON file of the same name that
holds its space. A search sees one training's held-out accuracy and the price;
what it found is judged by the mean test accuracy (as in NAS-Bench-101, arXiv
1902.09635). Random search on one:

    bench = Benchmark.load('experiments/nas_bench_digits/networks.csv')
    rng = np.random.default_rng(0)
    tried = [bench.space.sample(rng) for _ in range(60)]
    score = lambda accuracy, ms: accuracy - 0.3 * abs(ms / 0.05 - 1)
    seen = [score(bench.evaluate(v, seed=0), bench.price(v)) for v in tried]
    print(bench.regret(tried, seen, score)[-1])
"""

import csv
import functools
import io
import itertools
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mobilenet_jax.arch import SpecError, from_json, to_json
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import read_json, write_json, write_text
from mobilenet_jax.space import SearchSpace

Score = Callable[[float, float], float]  # (accuracy, milliseconds) -> reward
Vector = tuple[int, ...]

FORMAT = 'mobilenet_jax.benchmark/1'
MOST_NETWORKS = 100_000
MOST_SEEDS = 100
MOST_BYTES = 100_000_000
FACTS = ('arch', 'params', 'macs', 'latency_ms')


def accuracy_alone(accuracy: float, ms: float) -> float:
  """The score of a search that does not care for latency."""
  del ms
  return accuracy


@dataclass(frozen=True)
class Benchmark:
  """Every network of a space, trained.

  Attributes:
    space: of the networks.
    vectors: of the rows.
    latency_ms: [networks].
    held_out, test: accuracies, [networks, seeds].
    about: what the JSON file says besides: recipe, seeds, conditions.
  """

  space: SearchSpace
  vectors: tuple[Vector, ...]
  latency_ms: np.ndarray
  held_out: np.ndarray
  test: np.ndarray
  about: Mapping[str, Any]

  @classmethod
  def load(cls, path: str | os.PathLike) -> 'Benchmark':
    """Reads `path` (CSV) and its JSON file.

    Raises:
      UserError: one of them is missing, too large or malformed (row and column
        are named), or the rows are not the networks of the space, each once.
    """
    path = Path(path)
    about = read_json(path.with_suffix('.json'))
    space = _space(about, path.with_suffix('.json'))
    columns, rows = _read(path, space)
    seeds = (len(columns) - len(space.tags) - len(FACTS)) // 2
    made: dict[Vector, list[float]] = {}
    for number, row in enumerate(rows, 2):
      vector, numbers = _row(row, columns, space, f'{path}, row {number}')
      if vector in made:
        raise UserError(f'{path}, row {number}: {vector} stands twice.')
      made[vector] = numbers
    _check_whole(made, space, path)
    values = np.asarray(list(made.values()))
    return cls(
      space,
      tuple(made),
      values[:, 0],
      values[:, 1 : 1 + seeds],
      values[:, 1 + seeds :],
      about,
    )

  @functools.cached_property
  def _rows(self) -> dict[Vector, int]:
    return {vector: i for i, vector in enumerate(self.vectors)}

  def row(self, vector: Sequence[int]) -> int:
    """The row of a choice vector.

    Raises:
      UserError: the space has no such vector.
    """
    found = self._rows.get(tuple(int(v) for v in vector))
    if found is None:
      raise UserError(
        f'{tuple(vector)} is no choice vector of {self.space.spec.name}, whose '
        f'decisions have {tuple(self.space.decisions.values())} choices.'
      )
    return found

  def evaluate(self, vector: Sequence[int], seed: int | None = None) -> float:
    """Held-out accuracy: the mean over trainings, or with a seed that of one,
    drawn anew for every network: what one training would have given."""
    row = self.row(vector)
    if seed is None:
      return float(self.held_out[row].mean())
    draw = np.random.default_rng([seed, row]).integers(self.held_out.shape[1])
    return float(self.held_out[row, draw])

  def test_accuracy(self, vector: Sequence[int]) -> float:
    """The mean over trainings; to report, not to search by."""
    return float(self.test[self.row(vector)].mean())

  def price(self, vector: Sequence[int]) -> float:
    """Milliseconds."""
    return float(self.latency_ms[self.row(vector)])

  def optimum(
    self,
    score: Score = accuracy_alone,
    window: tuple[float, float] = (0.0, math.inf),
  ) -> tuple[Vector, float]:
    """The network of the best score of its mean test accuracy, and that score.

    Args:
      window: the least and the most milliseconds that count.

    Raises:
      UserError: no network lies in the window.
    """
    low, high = window
    inside = np.flatnonzero(
      (low <= self.latency_ms) & (self.latency_ms <= high)
    )
    if not len(inside):
      raise UserError(
        f'No network takes {low:g} to {high:g} ms; they take '
        f'{self.latency_ms.min():.4g} to {self.latency_ms.max():.4g} ms.'
      )
    best = max(map(int, inside), key=lambda row: self._true(row, score))
    return self.vectors[best], self._true(best, score)

  def regret(
    self,
    vectors: Sequence[Sequence[int]],
    seen: Sequence[float],
    score: Score = accuracy_alone,
  ) -> np.ndarray:
    """[n]: after each of n evaluations, how far the true score of the network
    that looked best so far lies below the optimum's; of equals the first.

    Args:
      vectors: tried, in order.
      seen: the score that the search saw of each.
    """
    shown = np.asarray(seen, float)
    best = np.maximum.accumulate(shown)
    leads = np.concatenate([[True], shown[1:] > best[:-1]])
    leader = np.maximum.accumulate(np.where(leads, np.arange(len(shown)), 0))
    true = np.asarray([self._true(self.row(v), score) for v in vectors])
    return self.optimum(score)[1] - true[leader]

  def _true(self, row: int, score: Score) -> float:
    return score(float(self.test[row].mean()), float(self.latency_ms[row]))


def save(
  path: str | os.PathLike,
  space: SearchSpace,
  rows: Sequence[Mapping[str, Any]],
  about: Mapping[str, Any],
) -> None:
  """Writes a benchmark.

  Args:
    path: of the CSV; its JSON file lies beside it.
    rows: 'vector', those of FACTS, and 'held_out' and 'test', a number a seed.
    about: plain data, kept in the JSON file.
  """
  path = Path(path)
  text = io.StringIO()
  writer = csv.writer(text, lineterminator='\n')
  writer.writerow(_header(space, len(rows[0]['test'])))
  for row in rows:
    facts = [row[name] for name in FACTS]
    writer.writerow([*row['vector'], *facts, *row['held_out'], *row['test']])
  made = {'format': FORMAT, 'space': to_json(space.spec), **about}
  write_json(path.with_suffix('.json'), made)
  write_text(path, text.getvalue())


def _header(space: SearchSpace, seeds: int) -> list[str]:
  accuracies = [
    f'{split}_accuracy_{i}'
    for split in ('held_out', 'test')
    for i in range(seeds)
  ]
  return [*space.tags, *FACTS, *accuracies]


def _space(about: Any, path: Path) -> SearchSpace:
  if not isinstance(about, dict) or about.get('format') != FORMAT:
    raise UserError(f'{path} is no benchmark: "format" is not {FORMAT!r}.')
  try:
    return SearchSpace(from_json(about.get('space')))
  except SpecError as error:
    raise UserError(f'"space" of {path} is wrong: {error}') from error


def _read(path: Path, space: SearchSpace) -> tuple[list[str], list[list[str]]]:
  """The header, checked, and the other rows."""
  try:
    if path.stat().st_size > MOST_BYTES:
      raise UserError(f'{path} is larger than {MOST_BYTES >> 20} MB.')
    text = path.read_text()
  except (OSError, UnicodeDecodeError) as error:
    reason = getattr(error, 'strerror', None) or 'it is no text'
    raise UserError(f'Cannot read {path}: {reason}.') from error
  try:
    lines = list(itertools.islice(csv.reader(io.StringIO(text)), MOST_NETWORKS))
  except csv.Error as error:
    raise UserError(f'{path} is no CSV: {error}.') from error
  columns = lines[0] if lines else []
  seeds = sum(name.startswith('held_out_accuracy_') for name in columns)
  wanted = _header(space, min(max(seeds, 1), MOST_SEEDS))
  for i, name in enumerate(wanted):
    if columns[i : i + 1] != [name]:
      there = repr(columns[i]) if i < len(columns) else 'missing'
      raise UserError(f'{path}: column {i + 1} is {there}, not {name!r}.')
  if len(columns) > len(wanted):
    extra = columns[len(wanted)]
    raise UserError(f'{path}: column {len(wanted) + 1} is {extra!r}, unknown.')
  return columns, lines[1:]


def _row(
  row: list[str], columns: list[str], space: SearchSpace, where: str
) -> tuple[Vector, list[float]]:
  """The choice vector, and latency and accuracies."""
  if len(row) != len(columns):
    raise UserError(f'{where} has {len(row)} of {len(columns)} columns.')
  cells = dict(zip(columns, row, strict=True))
  vector = tuple(
    _whole(cells[tag], size - 1, f'{where}, column {tag!r}')
    for tag, size in space.decisions.items()
  )
  names = columns[len(space.tags) + len(FACTS) - 1 :]
  numbers = []
  for name in names:
    most = 1.0 if name != 'latency_ms' else math.inf
    numbers.append(_number(cells[name], most, f'{where}, column {name!r}'))
  if not 0 < numbers[0] < math.inf:
    raise UserError(
      f"{where}, column 'latency_ms' is {row[columns.index('latency_ms')]!r}; "
      'it is more than 0.'
    )
  return vector, numbers


def _whole(text: str, most: int, where: str) -> int:
  if not (text.isascii() and text.isdecimal() and len(text) < 9) or (
    int(text) > most
  ):
    raise UserError(f'{where} is {text!r}; it is a whole number, 0 to {most}.')
  return int(text)


def _number(text: str, most: float, where: str) -> float:
  try:
    value = float(text)
  except ValueError:
    value = math.nan
  if not 0 <= value <= most:
    upto = f', 0 to {most:g}' if most < math.inf else ''
    raise UserError(f'{where} is {text!r}; it is a number{upto}.')
  return value


def _check_whole(
  made: Mapping[Vector, Any], space: SearchSpace, path: Path
) -> None:
  if len(made) == space.size:
    return
  every = itertools.product(*map(range, space.decisions.values()))
  absent = next(vector for vector in every if vector not in made)
  raise UserError(
    f'{path} has {len(made)} of the {space.size} networks of its space; it '
    f'lacks {absent}.'
  )
