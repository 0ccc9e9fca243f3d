"""The log of a refinement: every proposal, line by line, replayed on resume.

`proposals.jsonl` has three kinds of lines:

- the seed: iteration 0, ms, accuracy;
- a proposal: iteration, proposal (its number), shrank (a group of channels),
  before, after (how many), ms, accuracy, score;
- the end of an iteration: iteration, chosen (number of a proposal), and the
  ms and accuracy of what was chosen.
"""

import json
import os
from pathlib import Path
from typing import Any

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import write_text
from mobilenet_jax.search.netadapt import Trial

FILE = 'proposals.jsonl'
FIELDS = {
  'iteration': int, 'proposal': int, 'shrank': str, 'before': int,
  'after': int, 'ms': float, 'accuracy': float, 'score': float, 'chosen': int,
}  # fmt: skip
Row = dict[str, Any]


class RefineLog:
  """The lines of a run folder; a new one is on the disk before it counts."""

  def __init__(self, folder: Path):
    """Reads what is there; a line that was cut off is dropped.

    Raises:
      UserError: another line is damaged.
    """
    self._path = folder / FILE
    self.rows = read_log(folder)
    if self._path.exists():
      write_text(self._path, ''.join(map(_line, self.rows)))

  @property
  def seed(self) -> Row | None:
    """The line of the seed."""
    return next((row for row in self.rows if row['iteration'] == 0), None)

  def settled(self) -> list[tuple[Row, Row]]:
    """Of every finished iteration the chosen proposal and the last line."""
    ends = [row for row in self.rows if 'chosen' in row]
    return [
      (self._proposal(row['iteration'], row['chosen']), row) for row in ends
    ]

  def accuracy(self, iteration: int, shrank: str, after: int) -> float | None:
    """Of a proposal, if it has been trained."""
    wanted = (iteration, shrank, after)
    for row in reversed(self.rows):
      if wanted == (row['iteration'], row.get('shrank'), row.get('after')):
        return row['accuracy']
    return None

  def add_seed(self, ms: float, accuracy: float) -> None:
    """Logs the seed."""
    self._add({'iteration': 0, 'ms': ms, 'accuracy': accuracy})

  def add(self, trial: Trial) -> None:
    """Logs a proposal, once."""
    found = trial.proposal
    if self.accuracy(trial.iteration, found.group, found.after) is not None:
      return
    self._add(
      {
        'iteration': trial.iteration,
        'proposal': trial.number,
        'shrank': found.group,
        'before': found.before,
        'after': found.after,
        'ms': found.ms,
        'accuracy': trial.accuracy,
        'score': trial.score,
      }
    )

  def settle(self, trial: Trial) -> None:
    """Logs the end of an iteration."""
    self._add(
      {
        'iteration': trial.iteration,
        'chosen': trial.number,
        'ms': trial.proposal.ms,
        'accuracy': trial.accuracy,
      }
    )

  def _proposal(self, iteration: int, number: int) -> Row:
    for row in self.rows:
      if (row['iteration'], row.get('proposal')) == (iteration, number):
        return row
    raise UserError(
      f'{self._path} is damaged: iteration {iteration} has no proposal '
      f'{number}.'
    )

  def _add(self, row: Row) -> None:
    with self._path.open('a') as file:
      file.write(_line(row))
      file.flush()
      os.fsync(file.fileno())
    self.rows.append(row)


def read_log(folder: Path) -> list[Row]:
  """The whole lines of a run folder's log.

  Raises:
    UserError: a line that was not cut off is damaged.
  """
  path = folder / FILE
  if not path.exists():
    return []
  found = []
  for number, line in enumerate(path.read_text().split('\n')[:-1], 1):
    try:
      row = json.loads(line)
    except (ValueError, RecursionError):
      row = None
    if not isinstance(row, dict) or not _is_whole(row):
      raise UserError(f'{path} is damaged in line {number}.')
    found.append(row)
  return found


def _is_whole(row: Row) -> bool:
  kinds = ('iteration', 'ms', 'accuracy')
  return all(name in row for name in kinds) and all(
    isinstance(value, FIELDS.get(name, ())) for name, value in row.items()
  )


def _line(row: Row) -> str:
  return json.dumps(row, allow_nan=False) + '\n'
