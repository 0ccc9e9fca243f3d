"""What the searches found, as rows, a table and a picture."""

import csv
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scipy import stats

from mobilenet_jax.core.files import make_folder, read_json

Row = Mapping[str, Any]
BASELINE = 'random'


def read(runs: Path, algorithms: Sequence[str]) -> list[dict[str, Any]]:
  """A row for every finished search in a folder of run folders."""
  rows = []
  for algorithm in algorithms:
    for folder in runs.glob(f'{algorithm}-seed*'):
      if (folder / 'results.json').exists():
        seed = int(folder.name.rpartition('seed')[2])
        rows.append({'algorithm': algorithm, 'seed': seed, **row_of(folder)})
  place = {name: i for i, name in enumerate(algorithms)}
  return sorted(rows, key=lambda row: (place[row['algorithm']], row['seed']))


def row_of(folder: Path) -> dict[str, Any]:
  """What a search found, how good and fast that is, and what it cost."""
  results = read_json(folder / 'results.json')
  (found,) = (r for r in results['contenders'] if r['role'] == 'found')
  timed = results['deployed']
  return {
    'test_accuracy': found['test']['accuracy'],
    'held_out_accuracy': found['held_out_accuracy'],
    'target_ms': round(results['target_ms'], 6),
    'priced_ms': round(found['priced_ms'], 6),
    'measured_ms': round(timed['measured_ms'], 6),
    # at the speed that the computer had when the table was made
    'steady_ms': round(
      timed.get('steady_ratio', timed['ratio']) * timed['priced_ms'], 6
    ),
    'images_seen': round(results['cost']['search']),
    'search_s': round(read_json(folder / 'timings.json')['search']),
    'params': found['params'],
    'macs': found['macs'],
    'arch': found['arch'],
  }


def summary(rows: Sequence[Row]) -> list[dict[str, Any]]:
  """A row an algorithm: means, and the half-widths of 95 % intervals
  (Student's t over seeds) of the accuracy and of what it gains on random
  search, seed by seed."""
  names = dict.fromkeys(row['algorithm'] for row in rows)
  random = {r['seed']: r for r in rows if r['algorithm'] == BASELINE}
  table = []
  for name in names:
    own = [row for row in rows if row['algorithm'] == name]
    mean = lambda field, own=own: statistics.fmean(row[field] for row in own)
    gains = [
      row['test_accuracy'] - random[row['seed']]['test_accuracy']
      for row in own
      if name != BASELINE and row['seed'] in random
    ]
    gain = statistics.fmean(gains) if gains else math.nan
    table.append(
      {
        'algorithm': name,
        'seeds': len(own),
        'accuracy': round(mean('test_accuracy'), 5),
        'interval': _round(half_width([r['test_accuracy'] for r in own])),
        'gain': _round(gain),
        'gain_interval': _round(half_width(gains)),
        'beats_random': verdict(name, gain, half_width(gains)),
        'priced_ms': round(mean('priced_ms'), 5),
        'measured_ms': round(mean('measured_ms'), 5),
        'steady_ms': round(mean('steady_ms'), 5),
        'images_seen': round(mean('images_seen')),
        'search_s': round(mean('search_s')),
      }
    )
  return table


def half_width(values: Sequence[float]) -> float:
  """Of the 95 % interval of a mean; nan where there are fewer than two."""
  if len(values) < 2:
    return math.nan
  error = statistics.stdev(values) / math.sqrt(len(values))
  return float(stats.t.ppf(0.975, len(values) - 1)) * error


def verdict(name: str, gain: float, width: float) -> str:
  """Whether a gain on random search is more than noise."""
  if name == BASELINE:
    return 'baseline'
  if math.isnan(width):
    return 'unknown'
  if gain > width:
    return 'yes'
  return 'no, worse' if gain < -width else 'no'


def told(row: Row) -> str:
  """A row of the summary in words."""
  sure = f' +- {row["interval"]:.2%}' if row['interval'] != '' else ''
  line = (
    f'{row["algorithm"]:14} {row["accuracy"]:.2%}{sure} ({row["seeds"]} '
    f'seeds), {row["steady_ms"]:.3f} ms, {row["images_seen"]:,} images in '
    f'{row["search_s"]:,} s'
  )
  if row['gain_interval'] == '':
    return line
  return (
    f'{line}; more than random by {row["gain"]:+.2%} +- '
    f'{row["gain_interval"]:.2%}: {row["beats_random"]}'
  )


def _round(value: float) -> float | str:
  return '' if math.isnan(value) else round(value, 5)


def write(path: Path, rows: Sequence[Row]) -> None:
  """Writes rows as CSV."""
  make_folder(path.parent)
  with path.open('w', newline='') as file:
    writer = csv.DictWriter(file, list(rows[0]), lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)


def picture(rows: Sequence[Row], path: Path) -> None:
  """Accuracy by algorithm, with mean and interval, and over latency."""
  import matplotlib.figure as mpl

  figure = mpl.Figure(figsize=(9, 4), layout='constrained')
  left, right = figure.subplots(1, 2, sharey=True)
  names = list(dict.fromkeys(row['algorithm'] for row in rows))
  for i, name in enumerate(names):
    own = [row for row in rows if row['algorithm'] == name]
    seen = [100 * row['test_accuracy'] for row in own]
    spread = [i + 0.06 * (j - (len(own) - 1) / 2) for j in range(len(own))]
    color = f'C{i}'
    left.plot(spread, seen, 'o', color=color, alpha=0.6)
    width = half_width(seen)
    left.errorbar(
      i + 0.25, statistics.fmean(seen), 0 if math.isnan(width) else width,
      fmt='s', color=color, capsize=4, markersize=5,
    )  # fmt: skip
    ms = [row['steady_ms'] for row in own]
    right.plot(ms, seen, 'o', color=color, alpha=0.6, label=name)
  left.set(ylabel='test accuracy, %', xlim=(-0.5, len(names) - 0.3))
  left.set_xticks([i + 0.1 for i in range(len(names))], names)
  left.set_title('seeds, their mean and its 95 % interval', size=9)
  target = rows[0]['target_ms']
  right.axvline(target, color='0.45', ls='--', lw=1, label='target')
  right.set(xlabel='LiteRT, one thread, measured (ms)')
  right.set_title('the networks that were found', size=9)
  right.legend(fontsize=8)
  for axes in (left, right):
    axes.grid(alpha=0.3)
  figure.savefig(path, dpi=150)
