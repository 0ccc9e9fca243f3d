"""What a search says at its end."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def lines(results: dict[str, Any]) -> list[str]:
  """What a user wants to read at the end, line by line."""
  rows = results['contenders']
  text = [f'{"network":30}{"test acc.":>10}{"ms":>8}{"params":>10}{"MACs":>12}']
  for row in rows:
    text.append(
      f'{row["name"]:30}{row["test"]["accuracy"]:>10.2%}'
      f'{row["priced_ms"]:>8.3f}{row["params"]:>10,}{row["macs"]:>12,}'
    )
  text += ['', verdict(rows), '', 'found: ' + rows[0]['arch'].split(' ', 1)[1]]
  made = results['deployed']
  steady = (
    f', {made["steady_ratio"] - 1:+.1%} at the speed of the table'
    if 'steady_ratio' in made
    else ''
  )
  text.append(
    f'priced {made["priced_ms"]:.3f} ms, measured {made["measured_ms"]:.3f} ms '
    f'({made["ratio"] - 1:+.1%}{steady}); export differs from JAX by at most '
    f'{made["max_difference"]:.1e}'
  )
  return text


def verdict(rows: Sequence[dict[str, Any]]) -> str:
  """Whether the found network won, said plainly."""
  own = rows[0]['test']['accuracy']
  randoms = [r['test']['accuracy'] for r in rows if r['role'] == 'random']
  scaled = [r for r in rows if r['role'] == 'scaled']
  parts = []
  if randoms:
    mean = float(np.mean(randoms))
    parts.append(
      f'{_against(own, mean)} the mean of {len(randoms)} random networks '
      f'({mean:.2%})'
    )
  for row in scaled:
    other = row['test']['accuracy']
    parts.append(f'{_against(own, other)} {row["name"]} ({other:.2%})')
  return f'The found network ({own:.2%}) ' + ' and '.join(parts) + '.'


def _against(own: float, other: float) -> str:
  if own == other:
    return 'equals'
  return 'beats' if own > other else 'DOES NOT beat'
