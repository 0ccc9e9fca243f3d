"""Trains a student with and without its teacher, and writes what came.

    mobilenet-jax experiment distillation [--seeds 0 1 2] [--steps 1000]

A teacher a seed and a student an arm and a seed, by configs/distill.py, each
in a folder runs/distillation/. Writes results.csv beside this file, a row a
training, and prints the table that the README has.
"""

import argparse
import csv
import json
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LAST = {'student_endpoint': 'stride8', 'teacher_endpoint': 'stride8'}
SOFT = {'soft': 0.9, 'temperature': 4.0}
ARMS: dict[str, dict] = {
  'labels alone': {'soft': 0.0},
  'soft 0.5, T 1': {'soft': 0.5, 'temperature': 1.0},
  'soft 0.5, T 4': {'soft': 0.5, 'temperature': 4.0},
  'soft 0.9, T 4': SOFT,
  'features 1': {'soft': 0.0, 'features': 1.0, **LAST},
  'features 0.1': {'soft': 0.0, 'features': 0.1, **LAST},
  'soft 0.9, T 4, features 0.1': {**SOFT, 'features': 0.1, **LAST},
}
FIELDS = (
  'role', 'arm', 'seed', 'steps', 'test_accuracy', 'test_loss', 'params',
  'macs',
)  # fmt: skip


def train(folder: Path, variant: str, *overrides: str) -> dict:
  """Trains by configs/distill.py, if that is not done; its result.json."""
  line = [
    sys.executable, '-m', 'mobilenet_jax', 'train',
    f'--config=configs/distill.py{variant}', f'--workdir={folder}',
    *(f'--config.{text}' for text in overrides),
  ]  # fmt: skip
  if not (folder / 'result.json').exists():
    subprocess.run(line, cwd=ROOT, check=True)
  return json.loads((folder / 'result.json').read_text())


def row(role: str, arm: str, seed: int, steps: int, result: dict) -> dict:
  """A line of the table."""
  return {
    'role': role, 'arm': arm, 'seed': seed, 'steps': steps,
    'test_accuracy': result['test']['accuracy'],
    'test_loss': round(result['test']['loss'], 4),
    'params': result['params'], 'macs': result['macs'],
  }  # fmt: skip


def measure(folder: Path, seed: int, steps: int) -> list[dict]:
  """A teacher and its students."""
  shared = (f'seed={seed}', f'train.steps={steps}')
  teacher = folder / f'teacher-{seed}'
  made = train(teacher, ':teacher', *shared)
  rows = [row('teacher', 'labels alone', seed, steps, made)]
  for number, (arm, values) in enumerate(ARMS.items()):
    own = dict(values)
    if values['soft'] or 'features' in values:
      own['teacher'] = str(teacher)
    more = (f'train.distill.{name}={value}' for name, value in own.items())
    made = train(folder / f'student-{number}-{seed}', '', *shared, *more)
    rows.append(row('student', arm, seed, steps, made))
  return rows


def table(rows: list[dict]) -> str:
  """Accuracy by seed, its mean, and against labels alone."""
  seeds = sorted({r['seed'] for r in rows})
  lines = [
    f'| | {" | ".join(f"seed {s}" for s in seeds)} | mean | gain |',
    '|' + '---|' * (len(seeds) + 3),
  ]
  kinds = dict.fromkeys((r['role'], r['arm']) for r in rows)
  plain: dict[str, float] = {}
  for role, arm in kinds:
    of = [
      r['test_accuracy'] for r in rows if (r['role'], r['arm']) == (role, arm)
    ]
    mean = statistics.mean(of)
    gain = f'{100 * (mean - plain[role]):+.1f}' if role in plain else ''
    plain.setdefault(role, mean)
    cells = ' | '.join(f'{100 * x:.1f} %' for x in of)
    lines.append(f'| {role}, {arm} | {cells} | {100 * mean:.1f} % | {gain} |')
  return '\n'.join(lines)


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
  parser.add_argument('--steps', type=int, default=1000)
  args = parser.parse_args()
  folder = ROOT / 'runs' / 'distillation'
  rows = [r for seed in args.seeds for r in measure(folder, seed, args.steps)]
  with (HERE / 'results.csv').open('w', newline='') as file:
    writer = csv.DictWriter(file, FIELDS, lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
  print(table(rows))


if __name__ == '__main__':
  main()
