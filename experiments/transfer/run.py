"""Is it worth starting with weights, where there are 20 images a class?

    mobilenet-jax experiment transfer [--seeds 0 1 2]

Writes digit scenes as folders of PNG files, half of the digits each: 0 to 4 to
learn from first, 5 to 9 to be learnt then, of 20 images a class to train on and
10 to choose by. Trains networks of `configs/transfer.py` on the second with the
weights of the first, and from scratch. Writes results.csv beside this file, a
row a run, and prints the table that the README states. Runs are in
runs/transfer; those that are done are not done again.
"""

import argparse
import csv
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from mobilenet_jax.data import png, scenes

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RUNS = ROOT / 'runs' / 'transfer'
PX, CHUNK = 32, 100
BODY = (
  'scenes@32 conv_k3_s2_c16_hs ir_k3_s2_e4_c24_hs ir_k3_e4_c24_hs '
  'ir_k3_s2_e4_c48_hs ir_k3_e4_c48_hs conv_k1_c160_hs pool dense_c5_li'
)
FIRST, SECOND = range(5), range(5, 10)
FOLDERS = {
  'first': (FIRST, {'train': 1200, 'val': 100, 'test': 200}),
  'second': (SECOND, {'train': 20, 'val': 10, 'test': 200}),
}  # classes, and images of each
SPLITS = {'train': 'train', 'val': 'validation', 'test': 'test'}
NO_FLIP = '--config.data.augment.flip=0.0'  # a digit is not its mirror image
FIRST_RUN = (
  '--config.deliver=False', '--config.train.steps=1000',
  '--config.train.batch=32', '--config.train.save_every=250',
  '--config.train.patience=0', '--config.train.layer_decay=1.0',
)  # fmt: skip
WAYS = {
  'layer decay': ('--config.train.layer_decay=0.8',),
  'frozen to stride4': ('--config.train.freeze=stride4',),
  'from scratch': ('--config.train.layer_decay=1.0',),
  'from scratch, as long as both': (
    '--config.train.layer_decay=1.0',
    '--config.train.patience=0',
    '--config.train.steps=2600',
  ),  # as many images as 1,000 steps of 32 and 600 of 16
}
FIELDS = (
  'way', 'seed', 'test_accuracy', 'test_loss', 'validation_accuracy', 'steps',
  'seconds', 'cpu_seconds', 'arch',
)  # fmt: skip


def write_folder(name: str) -> Path:
  """Writes a folder of scenes, unless it is there."""
  folder = RUNS / name
  if (folder / 'done').exists():
    return folder
  classes, counts = FOLDERS[name]
  for split, count in counts.items():
    left = dict.fromkeys(classes, count)
    start = 0
    while any(left.values()):
      drawn = scenes.draw(SPLITS[split], range(start, start + CHUNK), PX)
      for i, label in enumerate(map(int, drawn.label)):
        if left.get(label):
          left[label] -= 1
          path = folder / split / str(label) / f'{start + i}.png'
          path.parent.mkdir(parents=True, exist_ok=True)
          path.write_bytes(png.encode(drawn.image[i]))
      start += CHUNK
  (folder / 'done').touch()
  return folder


def train(folder: Path, workdir: Path, seed: int, *more: str) -> list[float]:
  """Trains (or finds trained); returns the seconds that the whole command
  took, on the clock and of the processor."""
  noted = workdir.with_suffix('.seconds')
  if noted.exists():
    return json.loads(noted.read_text())
  started, before = time.monotonic(), processor()
  subprocess.run(
    [
      sys.executable, '-m', 'mobilenet_jax', 'train',
      '--config=configs/transfer.py', f'--workdir={workdir}',
      f'--config.data.name=folder:{folder}', f'--config.model.name={BODY}',
      f'--config.seed={seed}', NO_FLIP, *more,
    ],
    cwd=ROOT, check=True,
  )  # fmt: skip
  took = [time.monotonic() - started, processor() - before]
  noted.write_text(json.dumps(took))
  return took


def processor() -> float:
  """Seconds of the processor that all processes so far have taken."""
  used = resource.getrusage(resource.RUSAGE_CHILDREN)
  return used.ru_utime + used.ru_stime


def row_of(way: str, seed: int, workdir: Path, took: list[float]) -> dict:
  """What came of a run."""
  result = json.loads((workdir / 'result.json').read_text())
  lines = (workdir / 'metrics.jsonl').read_text().splitlines()
  found = [json.loads(line).get('validation') for line in lines]
  return {
    'way': way,
    'seed': seed,
    'test_accuracy': result['test']['accuracy'],
    'test_loss': round(result['test']['loss'], 4),
    'validation_accuracy': max(v['accuracy'] for v in found if v),
    'steps': result['steps'],
    'seconds': round(took[0], 1),
    'cpu_seconds': round(took[1], 1),
    'arch': result['arch'],
  }


def run(seed: int) -> list[dict]:
  """A row a run of one seed."""
  first, second = write_folder('first'), write_folder('second')
  learnt = RUNS / f'first-{seed}'
  took = train(first, learnt, seed, *FIRST_RUN)
  rows = [row_of('digits 0 to 4', seed, learnt, took)]
  for way, settings in WAYS.items():
    workdir = RUNS / f'{way.replace(",", "").replace(" ", "-")}-{seed}'
    begin = (
      ()
      if way.startswith('from scratch')
      else (f'--config.model.weights={learnt}',)
    )
    took = train(second, workdir, seed, *begin, *settings)
    rows.append(row_of(way, seed, workdir, took))
  return rows


def told(rows: list[dict]) -> str:
  """The table of the README: mean and standard deviation over seeds."""
  lines = [
    '| way | test accuracy | of each seed | steps | seconds | CPU seconds |',
    '|---|---|---|---|---|---|',
  ]
  for way in dict.fromkeys(row['way'] for row in rows):
    mine = [row for row in rows if row['way'] == way]
    right = [row['test_accuracy'] for row in mine]
    spread = statistics.stdev(right) if len(right) > 1 else 0.0
    mean = lambda name, mine=mine: statistics.mean(row[name] for row in mine)
    numbers = [mean(name) for name in ('steps', 'seconds', 'cpu_seconds')]
    each = ', '.join(f'{100 * r:.1f}' for r in right)
    lines.append(
      f'| {way} | {statistics.mean(right):.1%} ± {100 * spread:.1f} | {each} '
      f'| {" | ".join(f"{number:.0f}" for number in numbers)} |'
    )
  return '\n'.join(lines)


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
  RUNS.mkdir(parents=True, exist_ok=True)
  rows = [row for seed in parser.parse_args().seeds for row in run(seed)]
  with (HERE / 'results.csv').open('w', newline='') as file:
    writer = csv.DictWriter(file, FIELDS, lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
  print(told(rows))


if __name__ == '__main__':
  main()
