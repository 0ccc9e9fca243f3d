"""Networks that were evaluated: a log that a killed search reads again."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import write_text
from mobilenet_jax.search.evidence import Judged, Vector


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
    self._known: dict[Vector, Judged] = {}
    self._asked: dict[Vector, Judged] = {}
    for found in _read(path):
      self._known[found.vector] = found
    write_text(path, ''.join(_line(e) for e in self._known.values()))
    self._path = path

  def __call__(self, vector: Sequence[int]) -> Judged:
    """What is known of a network, evaluated now where nothing is."""
    key = tuple(int(i) for i in vector)
    found = self._known.get(key)
    if found is None:
      found = Judged(key, self._price(key), float(self._evaluate(key)))
      with self._path.open('a') as file:
        file.write(_line(found))
      self._known[key] = found
    self._asked.setdefault(key, found)
    return found

  def all(self) -> list[Judged]:
    """What this process has asked for, in order; so it is the same whether
    or not a search was started again."""
    return list(self._asked.values())


def _line(found: Judged) -> str:
  row = {
    'vector': list(found.vector),
    'accuracy': found.quality,
    'latency_ms': found.ms,
  }
  return json.dumps(row, allow_nan=False) + '\n'


def _read(path: Path) -> list[Judged]:
  if not path.exists():
    return []
  try:
    rows = [json.loads(row) for row in path.read_text().split('\n')[:-1]]
    return [
      Judged(
        tuple(int(i) for i in row['vector']),
        float(row['latency_ms']),
        float(row['accuracy']),
      )
      for row in rows
    ]
  except (ValueError, KeyError, TypeError) as error:
    raise UserError(f'{path} is damaged: {error!r}.') from error
