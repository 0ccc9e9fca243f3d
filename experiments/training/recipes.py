"""Every recipe's `:runlocal`, one after the other, each a process of its own.

    python experiments/training/recipes.py [mobilenet_v1 ...]

Leave the machine alone meanwhile. Writes results/recipes-runlocal-DATE
.csv beside this file: seconds of the whole command, the first and the last
recorded loss, and the accuracy on 1000 test scenes (10 classes).
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RECIPES = (
  'mobilenet_v1', 'mobilenet_v2', 'mobilenet_v2:paper', 'mobilenet_v3',
  'mobilenet_v3:slim', 'mnasnet', 'efficientnet_lite', 'mobilenet_v4',
  'mobilenet_v4:conv_medium', 'mobilenet_v4:conv_large', 'squeezenet',
  'shufflenet_v1', 'shufflenet_v2', 'modern',
)  # fmt: skip
FIELDS = (
  'config', 'steps', 'params', 'seconds', 'first_loss', 'last_loss',
  'test_accuracy',
)  # fmt: skip
MEAN_OF = 5  # records at either end, ten steps apart


def main() -> None:
  """Parses, runs, writes and prints."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('recipes', nargs='*', default=RECIPES)
  parser.add_argument('--out', type=Path, default=HERE / 'results')
  args = parser.parse_args()
  day = datetime.now(UTC).strftime('%Y-%m-%d')
  cores = os.cpu_count()
  path = args.out / f'recipes-runlocal-{cores}-cores-{day}.csv'
  rows = []
  for recipe in args.recipes:
    rows.append(run(recipe))
    print(rows[-1], flush=True)
    write(path, rows)


def run(recipe: str) -> dict[str, Any]:
  """Trains a recipe ('mobilenet_v3:slim') and returns its row."""
  name, _, variant = recipe.partition(':')
  said = ','.join(v for v in (variant, 'runlocal') if v)
  config = f'configs/{name}.py:{said}'
  with tempfile.TemporaryDirectory() as folder:
    workdir = Path(folder) / 'run'
    start = time.perf_counter()
    done = subprocess.run(
      [sys.executable, '-m', 'mobilenet_jax', 'train', '--json',
       f'--config={config}', f'--workdir={workdir}'],
      cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    if done.returncode:
      raise SystemExit(f'{config}: {done.stderr}')
    result = json.loads(done.stdout)
    lines = (workdir / 'metrics.jsonl').read_text().splitlines()
  records = [json.loads(line) for line in lines]
  losses = [record['loss'] for record in records if 'loss' in record]
  return {
    'config': config,
    'steps': records[-1]['step'],
    'params': result['params'],
    'seconds': round(seconds, 1),
    'first_loss': round(_mean(losses[:MEAN_OF]), 4),
    'last_loss': round(_mean(losses[-MEAN_OF:]), 4),
    'test_accuracy': result['test']['accuracy'],
  }


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
  """Writes the rows as CSV."""
  path.parent.mkdir(parents=True, exist_ok=True)
  with path.open('w', newline='') as file:
    writer = csv.DictWriter(file, FIELDS, lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)


def _mean(values: Sequence[float]) -> float:
  return sum(values) / len(values)


if __name__ == '__main__':
  main()
