"""Runs the quickstart with three seeds and writes what came.

    .venv/bin/python experiments/quickstart/run.py [--seeds 0 1 2]

Each seed is a whole run in runs/quickstart-seedN. Writes results.csv beside
this file, a row a contender, and prints the comparison that the README states.
"""

import argparse
import csv
import json
import statistics
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FIELDS = (
  'seed', 'role', 'name', 'test_accuracy', 'priced_ms', 'measured_ms',
  'target_ms', 'params', 'macs', 'arch',
)  # fmt: skip


def run(seed: int) -> dict:
  """Runs one seed (or resumes it); returns its results.json."""
  folder = ROOT / 'runs' / f'quickstart-seed{seed}'
  subprocess.run(
    [
      str(ROOT / '.venv/bin/mobilenet-jax'),
      'search',
      '--config=configs/quickstart.py',
      f'--config.seed={seed}',
      f'--workdir={folder}',
    ],
    cwd=ROOT,
    check=True,
  )
  return json.loads((folder / 'results.json').read_text())


def rows_of(seed: int, results: dict) -> list[dict]:
  """A row a contender."""
  rows = []
  for contender in results['contenders']:
    found = contender['role'] == 'found'
    rows.append(
      {
        'seed': seed,
        'role': contender['role'],
        'name': contender['name'],
        'test_accuracy': contender['test']['accuracy'],
        'priced_ms': round(contender['priced_ms'], 6),
        'measured_ms': results['deployed']['measured_ms'] if found else '',
        'target_ms': round(results['target_ms'], 6),
        'params': contender['params'],
        'macs': contender['macs'],
        'arch': contender['arch'],
      }
    )
  return rows


def compare(seed: int, rows: list[dict]) -> str:
  """One line: the found network against the others."""
  of = lambda role: [r['test_accuracy'] for r in rows if r['role'] == role]
  found, random = of('found')[0], of('random')
  return (
    f'seed {seed}: found {found:.2%}, random mean {statistics.mean(random):.2%}'
    f' (best {max(random):.2%}), scaled {of("scaled")[0]:.2%}'
  )


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
  seeds = parser.parse_args().seeds
  made = {seed: rows_of(seed, run(seed)) for seed in seeds}
  with (HERE / 'results.csv').open('w', newline='') as file:
    writer = csv.DictWriter(file, FIELDS, lineterminator='\n')
    writer.writeheader()
    writer.writerows(row for rows in made.values() for row in rows)
  print('\n'.join(compare(seed, rows) for seed, rows in made.items()))


if __name__ == '__main__':
  main()
