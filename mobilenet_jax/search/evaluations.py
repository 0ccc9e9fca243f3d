"""Networks that were evaluated: a log that a killed search reads again."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import write_text
from mobilenet_jax.search.evidence import Judged, Vector
from mobilenet_jax.space import SearchSpace


class Evaluations:
  """Evaluates each network once, and keeps what came in a file.

  Vectors that make the same network are one; it goes by that asked for first.

  One JSON line an evaluation, in order. A policy that is a function of its
  seed and of what is evaluated asks for the same networks again when it is
  started again, and gets from the file what is there.
  """

  def __init__(
    self,
    path: Path,
    space: SearchSpace,
    evaluate: Callable[[Vector], float],
    price: Callable[[Vector], float],
  ):
    """Reads what the file has; a last line that is cut off is dropped.

    Args:
      path: of the file; made where it is missing.
      space: of the vectors.
      evaluate: (choice vector) -> accuracy.
      price: (choice vector) -> milliseconds.

    Raises:
      UserError: the file is damaged.
    """
    self._space, self._evaluate, self._price = space, evaluate, price
    # by canonical vectors
    self._known: dict[Vector, Judged] = {}
    self._asked: dict[Vector, Judged] = {}
    for network, found in _read(path, space):
      self._known.setdefault(network, found)
    write_text(path, ''.join(_line(e) for e in self._known.values()))
    self._path = path

  def __call__(self, vector: Sequence[int]) -> Judged:
    """What is known of a network, evaluated now where nothing is."""
    own = tuple(int(i) for i in vector)
    network = self._space.canonical(own)
    found = self._known.get(network)
    if found is None:
      found = Judged(own, self._price(own), float(self._evaluate(own)))
      with self._path.open('a') as file:
        file.write(_line(found))
      self._known[network] = found
    self._asked.setdefault(network, found)
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


def _read(path: Path, space: SearchSpace) -> list[tuple[Vector, Judged]]:
  """(canonical vector, what the file has of it), in order."""
  if not path.exists():
    return []
  try:
    rows = [json.loads(row) for row in path.read_text().split('\n')[:-1]]
    found = [
      Judged(
        tuple(int(i) for i in row['vector']),
        float(row['latency_ms']),
        float(row['accuracy']),
      )
      for row in rows
    ]
    return [(space.canonical(one.vector), one) for one in found]
  except (ValueError, KeyError, TypeError, IndexError) as error:
    raise UserError(f'{path} is damaged: {error!r}.') from error
