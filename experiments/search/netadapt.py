"""NetAdapt against width scaling, at the same latency.

    .venv/bin/python experiments/search/netadapt.py [--seeds 0 1 2]

For every seed a network (MobileNetV3-Large at 64 px by default) is trained on
digit scenes, refined to a share of its latency on this computer, and scaled in
width to the latency that came out. Both narrower networks are trained from
scratch by the recipe of the first (MobileNetV3, section 4.2, trains what it
refined anew), and the refined one is given with its own weights as well. Every
part is a run folder under --runs, so that the same command resumes. Writes
netadapt.csv beside this file, a row a network and seed, and prints the means
with the 95 % interval of the paired difference (Student's t).
"""

import argparse
import csv
import statistics
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from mobilenet_jax.arch import ArchSpec, count, from_string, to_string
from mobilenet_jax.core.cache import use_compilation_cache
from mobilenet_jax.core.files import make_folder
from mobilenet_jax.jobs import refine, training
from mobilenet_jax.jobs.network_prices import NetworkPrices, open_prices
from mobilenet_jax.jobs.recipes import digits_config
from mobilenet_jax.jobs.refine_defaults import refine_config
from mobilenet_jax.models import get_arch
from mobilenet_jax.models.widths import narrowest
from mobilenet_jax.search.scaling import scale_to_latency

HERE = Path(__file__).parent
FIELDS = (
  'seed', 'role', 'test_accuracy', 'priced_ms', 'share', 'params', 'macs',
  'arch',
)  # fmt: skip
T95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365}


def recipe(args: argparse.Namespace, seed: int, name: str) -> ConfigDict:
  """How every network is trained."""
  config = digits_config(local=False)
  config.seed = seed
  config.model.name = name
  config.data.name = f'digit_scenes/{args.pixels}'
  config.data.dir = args.data_dir
  config.train.steps = args.steps
  config.train.save_every = max(args.steps // 4, 1)
  return config


def refining(args: argparse.Namespace, seed: int, start: Path) -> ConfigDict:
  """How the seed network is refined."""
  config = refine_config()
  config.seed = seed
  config.model.weights = str(start)
  config.data.name = f'digit_scenes/{args.pixels}'
  config.data.dir = args.data_dir
  config.data.held_out_split = 'validation'
  config.latency.table = args.table
  config.refine.steps = args.proposal_steps
  config.refine.delta = args.delta
  config.refine.held_out_images = args.held_out_images
  config.train.steps = max(args.steps // 2, 1)
  config.train.save_every = max(args.steps // 4, 1)
  return config


def one_seed(args: argparse.Namespace, seed: int) -> list[dict[str, Any]]:
  """The rows of one seed; what is done already is taken from its folder."""
  root = make_folder(args.runs / f'seed{seed}')
  make = lambda width: get_arch(args.model, width, args.pixels, 10)
  spec = make(1.0)
  first = train(args, seed, spec, root / 'whole')
  prices = open_prices(
    ConfigDict({'table': args.table}), (spec, narrowest(spec)), args.runs
  )
  (whole_ms,) = prices([spec])
  config = refining(args, seed, root / 'whole')
  config.latency.table = args.table or str(prices.path)  # of one speed
  config.latency.target_ms = args.share * whole_ms
  refined = refine.run(config, str(root / 'refined'))
  found = from_string(refined['arch'])
  scaled = scaled_to(prices, make, refined['priced_ms'], found)
  row = lambda role, spec, result: {
    'seed': seed,
    'role': role,
    'test_accuracy': result['test']['accuracy'],
    'priced_ms': round(prices([spec])[0], 6),
    'share': round(prices([spec])[0] / whole_ms, 4),
    'params': count(spec).params,
    'macs': count(spec).macs,
    'arch': to_string(spec),
  }
  return [
    row('whole', spec, first),
    row('refined, its weights', found, refined),
    row('refined', found, train(args, seed, found, root / 'refined_anew')),
    row('scaled', scaled, train(args, seed, scaled, root / 'scaled')),
  ]


def train(
  args: argparse.Namespace, seed: int, spec: ArchSpec, folder: Path
) -> dict[str, Any]:
  """Trains a network from scratch."""
  return training.run(recipe(args, seed, to_string(spec)), str(folder))


def scaled_to(
  prices: NetworkPrices, make: Any, target_ms: float, like: ArchSpec
) -> ArchSpec:
  """The width of the model whose latency is nearest to the target."""
  found = scale_to_latency(
    make, lambda spec: prices([spec])[0], target_ms, like=[like]
  )
  if found is None:
    raise AssertionError('every width can be priced')
  return found[0]


def verdict(rows: list[dict[str, Any]]) -> str:
  """Means by role, and what refining gains over scaling."""
  of = lambda role: [r['test_accuracy'] for r in rows if r['role'] == role]
  lines = [
    f'{role}: {statistics.mean(of(role)):.2%}'
    for role in dict.fromkeys(r['role'] for r in rows)
  ]
  gains = [a - b for a, b in zip(of('refined'), of('scaled'), strict=True)]
  line = f'refined - scaled: {statistics.mean(gains):+.2%}'
  if len(gains) in T95:
    half = T95[len(gains)] * statistics.stdev(gains) / len(gains) ** 0.5
    line += f' +- {half:.2%} (95 %, {len(gains)} seeds)'
  return '\n'.join([*lines, line])


def arguments() -> argparse.Namespace:
  """What the command line says."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
  parser.add_argument('--model', default='mobilenet_v3_large')
  parser.add_argument('--pixels', type=int, default=64)
  parser.add_argument('--share', type=float, default=0.8, help='of the latency')
  parser.add_argument('--table', default='', help='this computer by default')
  parser.add_argument('--steps', type=int, default=1500, help='of a training')
  parser.add_argument('--proposal-steps', type=int, default=20)
  parser.add_argument('--delta', type=float, default=0.01)
  parser.add_argument('--held-out-images', type=int, default=800)
  parser.add_argument('--data-dir', default='')
  parser.add_argument('--runs', type=Path, default=Path('runs/netadapt'))
  parser.add_argument('--out', type=Path, default=HERE / 'netadapt.csv')
  return parser.parse_args()


def main() -> None:
  args = arguments()
  use_compilation_cache()
  make_folder(args.runs)
  rows = [row for seed in args.seeds for row in one_seed(args, seed)]
  with args.out.open('w', newline='') as file:
    writer = csv.DictWriter(file, FIELDS, lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
  print(verdict(rows))


if __name__ == '__main__':
  main()
