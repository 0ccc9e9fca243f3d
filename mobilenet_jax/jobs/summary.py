"""What a search says at its end."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mobilenet_jax.report.noise import difference


def lines(results: dict[str, Any]) -> list[str]:
  """What a user wants to read at the end, line by line."""
  rows = results['contenders']
  text = [f'{"network":30}{"test acc.":>10}{"ms":>8}{"params":>10}{"MACs":>12}']
  for row in rows:
    text.append(
      f'{row["name"]:30}{np.mean(row["accuracies"]):>10.2%}'
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
  for phone in results.get('more_targets', ()):
    ms = rows[0]['priced_on'][phone['name']]
    text.append(
      f'on {phone["name"]}: priced {ms:.3f} ms, target '
      f'{phone["target_ms"]:.3f} ms'
    )
  return text


def verdict(rows: Sequence[dict[str, Any]]) -> str:
  """Whether the found network won, said plainly."""
  own = rows[0]['accuracies']
  randoms = [float(np.mean(r['accuracies'])) for r in rows if _random(r)]
  parts = []
  if randoms:
    who = f'the mean of {len(randoms)} random networks'
    # beside other networks it counts once, however often it was trained
    parts.append(_against([float(np.mean(own))], randoms, who))
  for row in rows:
    if row['role'] == 'scaled':
      parts.append(_against(own, row['accuracies'], row['name']))
  return f'The found network ({np.mean(own):.2%}) ' + ' and '.join(parts) + '.'


def _random(row: dict[str, Any]) -> bool:
  return row['role'] == 'random'


def _against(own: Sequence[float], others: Sequence[float], who: str) -> str:
  found = difference(own, others)
  word = 'beats' if found.mean > 0 else 'DOES NOT beat'
  if not found.mean:
    word = 'equals'
  chance = ''
  if found.margin is not None:
    more = 'more than' if found.certain else 'within'
    chance = f', {more} the {100 * found.margin:.1f} points of chance'
  return f'{word} {who} ({np.mean(others):.2%}{chance})'
