"""Eight networks trained alike on digit scenes, three seeds each.

    mobilenet-jax experiment training [--seeds 0 1 2] [--models NAME ...]

Every training is a run folder under runs/training, so that what was stopped
goes on and what is done is not done again. At the end each network is exported
and timed with LiteRT, all of them in turns. Writes results/ beside this file:
a row a run, and a row a network with its picture.
"""

import argparse
import csv
import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MODELS = (
  'mobilenet_v1', 'mobilenet_v2', 'mobilenet_v3_small', 'mobilenet_v3_large',
  'mobilenet_v4_conv_small', 'mnasnet_a1', 'squeezenet_1_1',
  'shufflenet_v2',
)  # fmt: skip
STEPS, DATA = 2500, 'digit_scenes/64'
RECIPE = (  # instead of SGD, which wants a rate of its own without batch norm
  '--config.train.optimizer.name=adamw',
  '--config.train.optimizer.weight_decay=0.01',
)
RATE = 0.001
# without batch norm it dies at 0.001: all its gradients are 0 from step 400 on
RATES = {'squeezenet_1_1': 0.0003}
ROUNDS = 12  # of all networks in turns, half a second each


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
  parser.add_argument('--models', nargs='+', default=list(MODELS))
  parser.add_argument('--steps', type=int, default=STEPS)
  parser.add_argument('--runs', type=Path, default=ROOT / 'runs/training')
  parser.add_argument('--out', type=Path, default=HERE / 'results')
  args = parser.parse_args()
  rows = [
    trained(model, seed, args.steps, args.runs)
    for seed in args.seeds
    for model in args.models
  ]
  write(args.out / 'networks-runs.csv', rows)
  latencies = measured(
    {m: args.runs / f'{m}-seed{args.seeds[0]}' for m in args.models}
  )
  table = [summary(m, rows, latencies[m]) for m in args.models]
  write(args.out / 'networks.csv', table)
  picture(table, rows, args.out / 'networks.png')
  for row in table:
    print(
      f'{row["model"]:24} {row["accuracy"]:.2%} +- {row["std"]:.2%}  '
      f'{row["latency_ms"]:.3f} ms'
    )


def trained(model: str, seed: int, steps: int, runs: Path) -> dict[str, Any]:
  """Trains a network, or goes on, or takes what is there; its row."""
  folder = runs / f'{model}-seed{seed}'
  command = [
    sys.executable, '-m', 'mobilenet_jax', 'train',
    '--config=configs/digits.py', f'--workdir={folder}',
    f'--config.model.name={model}', f'--config.data.name={DATA}',
    f'--config.seed={seed}', f'--config.train.steps={steps}',
    f'--config.train.save_every={steps}', *RECIPE,
    f'--config.train.optimizer.learning_rate={RATES.get(model, RATE)}',
  ]  # fmt: skip
  subprocess.run(command, cwd=ROOT, check=True)
  result = json.loads((folder / 'result.json').read_text())
  return {
    'model': model,
    'seed': seed,
    'steps': steps,
    'data': DATA,
    'accuracy': result['test']['accuracy'],
    'loss': result['test']['loss'],
    'params': result['params'],
    'macs': result['macs'],
  }


def summary(
  model: str, rows: Sequence[Mapping[str, Any]], latency_ms: float
) -> dict[str, Any]:
  """A network's row: the mean and spread of its seeds."""
  own = [row for row in rows if row['model'] == model]
  found = [row['accuracy'] for row in own]
  return {
    'model': model,
    'accuracy': round(statistics.mean(found), 5),
    'std': round(statistics.stdev(found), 5) if found[1:] else 0.0,
    'seeds': len(found),
    'params': own[0]['params'],
    'macs': own[0]['macs'],
    'latency_ms': round(latency_ms, 4),
  }


def measured(folders: Mapping[str, Path]) -> dict[str, float]:
  """LiteRT's time of each exported network, float32, one thread: the median
  of the calmest half of the rounds, in milliseconds."""
  from mobilenet_jax.measure.host import Host, time_round

  host, watches = Host(), {}
  for model, folder in folders.items():
    path = folder / 'model.tflite'
    if not path.exists():
      subprocess.run(
        [
          sys.executable, '-m', 'mobilenet_jax', 'export',
          f'--workdir={folder}', f'--out={path}',
        ],
        cwd=ROOT,
        check=True,
      )  # fmt: skip
    watches[model] = host.open(path.read_bytes())
  rounds: dict[str, list[float]] = {model: [] for model in watches}
  with host.on_cores():
    for _ in range(ROUNDS):
      for model, interpreter in watches.items():
        rounds[model].append(statistics.median(time_round(interpreter, 0.5)))
  calm = {model: sorted(ms)[: ROUNDS // 2] for model, ms in rounds.items()}
  return {model: statistics.median(ms) for model, ms in calm.items()}


def picture(
  table: Sequence[Mapping[str, Any]],
  runs: Sequence[Mapping[str, Any]],
  path: Path,
) -> None:
  """Accuracy against latency and against multiply-adds: a mark a network, a
  dot a training."""
  import matplotlib.figure as mpl

  figure = mpl.Figure(figsize=(11, 4.8), layout='constrained')
  sides = figure.subplots(1, 2, sharey=True)
  for axes, field, scale, label in zip(
    sides, ('latency_ms', 'macs'), (1, 1e-6),
    ('LiteRT, one thread (ms)', 'millions of multiply-adds'), strict=True,
  ):  # fmt: skip
    for i, row in enumerate(table):
      x, hue = float(row[field]) * scale, f'C{i}'
      own = [r for r in runs if r['model'] == row['model']]
      each = [100 * float(r['accuracy']) for r in own]
      axes.plot([x] * len(each), each, '.', color=hue, alpha=0.6)
      axes.plot(
        x, 100 * float(row['accuracy']), 'D', color=hue, label=row['model']
      )
    axes.set(xlabel=label)
    axes.grid(alpha=0.3)
  sides[0].set(ylabel='test accuracy (%); dots: a seed each')
  sides[1].legend(fontsize=8, loc='lower right')
  figure.savefig(path, dpi=150)


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
  path.parent.mkdir(parents=True, exist_ok=True)
  with path.open('w', newline='') as file:
    writer = csv.DictWriter(file, list(rows[0]), lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)


if __name__ == '__main__':
  main()
