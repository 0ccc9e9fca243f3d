"""Images a second from JPEG files to batches: ours beside tf.data.

    python experiments/speed/input.py            # ours alone
    python experiments/speed/input.py --peers    # beside tf.data (TensorFlow)

Pictures of 500 x 375 pixels are drawn once, written as JPEG, and read by both
from memory, to 224 px. Every figure is the median of several turns; in each
turn every contender runs alone in a process of its own, warm, for some
seconds. images_per_core_s counts the processor time that it took, over all of
its threads, and so bears neighbours better. With peers this takes about 7
minutes on two cores; leave the machine alone. Writes
results/input-DEVICE-VERSIONS-DATE.csv beside this file.
"""

import argparse
import csv
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mobilenet_jax.data import textures
from mobilenet_jax.measure.host import chip

HERE = Path(__file__).parent
FIELDS = (
  'what', 'library', 'threads', 'images_per_s', 'least', 'most',
  'images_per_core_s', 'turns', 'ratio', 'kb_a_file', 'device',
)  # fmt: skip
CASES = {  # what is done, and who does it
  'decode': ('ours', 'tf.data'),  # and nothing else: the limit of the rest
  'crop': ('ours', 'tf.data', 'tf.data decoding the crop'),  # resize, flip
  'jitter': ('ours', 'tf.data', 'tf.data decoding the crop'),  # and colours
  'full': ('ours',),  # and RandAugment, erasing, mixup and cutmix
}
WIDTH, HEIGHT, QUALITY, FILES = 500, 375, 92, 128


def main() -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('--peers', action='store_true')
  parser.add_argument('--what', nargs='+', choices=CASES, default=[*CASES])
  parser.add_argument('--turns', type=int, default=3)
  parser.add_argument('--seconds', type=float, default=4.0)
  parser.add_argument('--out', type=Path, default=HERE / 'results')
  args = parser.parse_args()
  if args.turns < 1 or args.seconds <= 0:
    parser.error('--turns is at least 1 and --seconds above 0')
  rows: list[dict[str, Any]] = []
  with tempfile.TemporaryDirectory() as folder:
    size = draw_files(Path(folder))
    try:
      for what in args.what:
        names = CASES[what] if args.peers else CASES[what][:1]
        for threads in sorted({1, os.cpu_count() or 1}):
          case = {
            'what': what, 'threads': threads, 'folder': folder,
            'seconds': args.seconds,
          }  # fmt: skip
          for row in compared(case, names, args.turns):
            rows.append(row | {'kb_a_file': round(size / 1024, 1)})
            _print(row)
    finally:  # a run that is stopped keeps what it has
      if rows:
        _write(args.out / f'{_name(rows)}.csv', rows)


def draw_files(folder: Path) -> float:
  """Writes JPEG files of textured pictures; returns their mean size."""
  rng = np.random.Generator(np.random.Philox(0))
  fields = 3  # a colour each
  sizes = []
  for i in range(FILES):
    shape = (fields, textures.noise_size())
    variates = rng.standard_normal(shape, np.float32)
    gains = rng.uniform(0.3, 1.0, (fields, len(textures.OCTAVES)))
    noise = textures.smooth_noise(variates, gains.astype(np.float32), WIDTH)
    grain = rng.standard_normal((HEIGHT, WIDTH, 1), np.float32)
    colours = noise[:, :HEIGHT].transpose(1, 2, 0)  # [H, W, 3]
    pixels = np.clip(128 + 50 * colours + 16 * grain, 0, 255)
    path = folder / f'{i:04}.jpg'
    Image.fromarray(pixels.astype(np.uint8)).save(path, quality=QUALITY)
    sizes.append(path.stat().st_size)
  return statistics.mean(sizes)


def compared(
  case: Mapping[str, Any], names: Sequence[str], turns: int
) -> Iterator[dict[str, Any]]:
  """A row for each contender; ours has the ratio to the fastest other."""
  turn = {name: [] for name in names}
  for _ in range(turns):
    for name in names:
      turn[name].append(_run(dict(case, name=name)))
  rates = {
    name: [one['images_per_s'] for one in taken] for name, taken in turn.items()
  }
  middle = {name: statistics.median(rates[name]) for name in names}
  others = [middle[name] for name in names[1:]]
  for name in names:
    low, high = min(rates[name]), max(rates[name])
    a_core = statistics.median(one['images_per_core_s'] for one in turn[name])
    row = {
      'what': case['what'], 'library': turn[name][0]['library'],
      'threads': case['threads'], 'images_per_s': round(middle[name], 1),
      'least': round(low, 1), 'most': round(high, 1),
      'images_per_core_s': round(a_core, 1),
      'turns': turns, 'device': f'{chip()}, {os.cpu_count()} cores',
    }  # fmt: skip
    if name == 'ours' and others:
      row['ratio'] = round(middle[name] / max(others), 2)
    yield row


def _run(case: Mapping[str, Any]) -> dict[str, Any]:
  command = [sys.executable, str(HERE / 'input_worker.py'), json.dumps(case)]
  made = subprocess.run(command, capture_output=True, text=True)
  if made.returncode:
    sys.exit(f'{made.stderr}A worker has failed: {command}')
  return json.loads(made.stdout.splitlines()[-1])


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
  path.parent.mkdir(parents=True, exist_ok=True)
  with path.open('w', newline='') as file:
    writer = csv.DictWriter(file, FIELDS)
    writer.writeheader()
    writer.writerows(rows)
  print(f'Written: {path}')


def _name(rows: Sequence[Mapping[str, Any]]) -> str:
  """Device, versions and date."""
  libraries = ' '.join(row['library'] for row in rows)
  versions = '-'.join(sorted(set(re.findall(r'\d[\w.]*', libraries))))
  device = '-'.join(re.findall('[a-z0-9]+', rows[0]['device'].lower()))
  return f'input-{device}-{versions}-{datetime.now(UTC):%Y-%m-%d}'


def _print(row: Mapping[str, Any]) -> None:
  ratio = f'  {row["ratio"]:.2f} times the fastest' if 'ratio' in row else ''
  threads = f'{row["threads"]} thread{"s" if row["threads"] > 1 else ""}'
  print(
    f'{row["what"]:8} {threads:10} {row["images_per_s"]:8.1f} images/s'
    f' ({row["least"]:.0f} to {row["most"]:.0f}),'
    f' {row["images_per_core_s"]:.0f} a second of a core'
    f'  {row["library"]}{ratio}',
    flush=True,
  )


if __name__ == '__main__':
  main()
