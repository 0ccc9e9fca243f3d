"""Networks that were evaluated: a log that a killed search reads again."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import write_text

Vector = tuple[int, ...]


@dataclass(frozen=True)
class Evaluated:
  """A network, by its choice vector, and what is known of it."""

  vector: Vector
  accuracy: float
  latency_ms: float

  def as_json(self) -> dict[str, Any]:
    """Plain numbers."""
    return {
      'vector': list(self.vector),
      'accuracy': self.accuracy,
      'latency_ms': self.latency_ms,
    }


class Evaluations:
  """Evaluates each network once, and keeps what came in a file.

  One JSON line an evaluation, in order. A policy that is a function of its
  seed and of what is evaluated asks for the same networks again when it is
  started again, and gets from the file what is there.
  """

  def __init__(
    self,
    path: Path,
    evaluate: Callable[[Vector], float],
    price: Callable[[Vector], float],
  ):
    """Reads what the file has; a last line that is cut off is dropped.

    Args:
      path: of the file; made where it is missing.
      evaluate: (choice vector) -> accuracy.
      price: (choice vector) -> milliseconds.

    Raises:
      UserError: the file is damaged.
    """
    self._evaluate, self._price = evaluate, price
    self._known: dict[Vector, Evaluated] = {}
    self._asked: dict[Vector, Evaluated] = {}
    for found in _read(path):
      self._known[found.vector] = found
    write_text(path, ''.join(_line(e) for e in self._known.values()))
    self._path = path

  def __call__(self, vector: Sequence[int]) -> Evaluated:
    """What is known of a network, evaluated now where nothing is."""
    key = tuple(int(i) for i in vector)
    found = self._known.get(key)
    if found is None:
      found = Evaluated(key, float(self._evaluate(key)), self._price(key))
      with self._path.open('a') as file:
        file.write(_line(found))
      self._known[key] = found
    self._asked.setdefault(key, found)
    return found

  def all(self) -> list[Evaluated]:
    """What this process has asked for, in order; so it is the same whether
    or not a search was started again."""
    return list(self._asked.values())


def front(found: Sequence[Evaluated]) -> list[Evaluated]:
  """Those that no other is as accurate as and faster than, or as fast as and
  more accurate than, fastest first; of equals the first."""
  kept: list[Evaluated] = []
  for one in sorted(found, key=lambda e: (e.latency_ms, -e.accuracy)):
    if not kept or one.accuracy > kept[-1].accuracy:
      kept.append(one)
  return kept


def _line(found: Evaluated) -> str:
  return json.dumps(found.as_json(), allow_nan=False) + '\n'


def _read(path: Path) -> list[Evaluated]:
  if not path.exists():
    return []
  try:
    rows = [json.loads(row) for row in path.read_text().split('\n')[:-1]]
    return [
      Evaluated(
        tuple(int(i) for i in row['vector']),
        float(row['accuracy']),
        float(row['latency_ms']),
      )
      for row in rows
    ]
  except (ValueError, KeyError, TypeError) as error:
    raise UserError(f'{path} is damaged: {error!r}.') from error
