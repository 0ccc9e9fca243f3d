"""Whether inherited accuracy ranks networks as training them alone does.

    .venv/bin/python experiments/search/agreement.py --workdir=runs/agreement \
      [--networks=30] [--config=configs/search_sandwich.py] [--config.FIELD=...]

Trains the shared weights of a search config (sandwich, TuNAS or
differentiable), draws networks of its space
uniformly, takes of each the accuracy that it inherits (with the statistics of
held-out batches, as the search sees it) and that after training it alone by the
config's `train` part, both on the held-out split, and writes into the folder
`agreement.csv`, `agreement.json` (Kendall's tau-b, 95 % bootstrap interval over
the networks) and `agreement.png`. The same command resumes.
"""

import argparse
import csv
import io
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from mobilenet_jax.arch import count, to_string
from mobilenet_jax.core.cache import use_compilation_cache
from mobilenet_jax.core.config import load_config
from mobilenet_jax.core.errors import JobError, UserError
from mobilenet_jax.core.files import write_bytes, write_json, write_text
from mobilenet_jax.core.progress import say
from mobilenet_jax.data.augment import make_augmentation
from mobilenet_jax.jobs import differentiable, one_shot, sandwich
from mobilenet_jax.jobs.pricing import open_pricing
from mobilenet_jax.jobs.runs import open_run
from mobilenet_jax.jobs.sandwich import inherited_accuracy
from mobilenet_jax.jobs.search import open_data
from mobilenet_jax.jobs.searching import SHARING, Data, SearchJob
from mobilenet_jax.jobs.trainer import Images, Training, train_network
from mobilenet_jax.jobs.training import image_side
from mobilenet_jax.search.agreement import Agreement, agreement
from mobilenet_jax.search.evidence import Vector
from mobilenet_jax.search.select import distinct
from mobilenet_jax.space import SearchSpace, get_space

DRAW = 5  # random stream of a run's seed
FIELDS = ('vector', 'arch', 'macs', 'inherited_accuracy', 'alone_accuracy')
Rows = list[dict[str, Any]]


def main(argv: Sequence[str] | None = None) -> int:
  """Parses, runs and tells; the exit status."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--workdir', required=True)
  parser.add_argument('--networks', type=int, default=30)
  parser.add_argument('--config', default='configs/search_sandwich.py')
  args, overrides = parser.parse_known_args(argv)
  use_compilation_cache()
  try:
    config = load_config([f'--config={args.config}', *overrides])
    found = run(config, args.workdir, args.networks)
  except (UserError, JobError) as error:
    say(f'agreement: {error}')
    return 2 if isinstance(error, UserError) else 1
  print(told(found))
  return 0


def run(config: Any, workdir: str, networks: int) -> Agreement:
  """Does all of it in a run folder; see the module."""
  with open_run(workdir, f'agreement of {networks}', config) as folder:
    data = open_data(config)
    side, classes = image_side(data.train), data.train.num_classes
    space = get_space(config.space, side, classes)
    params = weights_of(config, space, data, folder)
    inherited = inherited_accuracy(space, config, params, data.held_out)
    rows = []
    for i, vector in enumerate(drawn(space, networks, config.seed)):
      spec = space.decode(vector, f'random_{i:03d}')
      row = {
        'vector': ' '.join(map(str, vector)),
        'arch': to_string(spec),
        'macs': count(spec).macs,
        'inherited_accuracy': inherited(vector),
        'alone_accuracy': alone(config, data, spec, folder),
      }
      rows.append(row)
      say(f'{i + 1}/{networks}: {row["inherited_accuracy"]:.1%} inherited, '
          f'{row["alone_accuracy"]:.1%} alone')  # fmt: skip
    return written(rows, folder, config.seed)


def weights_of(
  config: Any, space: SearchSpace, data: Data, folder: Path
) -> Any:
  """The parameters that a search's networks share, after its training.

  Raises:
    UserError: its networks share none.
  """
  algorithm = config.search.algorithm
  if algorithm not in SHARING:
    raise UserError(
      f'search.algorithm is {algorithm!r}; weights are shared by those of '
      f'{", ".join(map(repr, SHARING))}.'
    )
  if algorithm == 'sandwich':
    return sandwich.shared_weights(space, config, data, folder)
  pricing = open_pricing(config.latency, space, folder)
  job = SearchJob(config, space, pricing, data, folder, None)
  by = {'tunas': one_shot, 'differentiable': differentiable}[algorithm]
  return by.trained(job).weights.params


def drawn(space: SearchSpace, networks: int, seed: int) -> list[Vector]:
  """Choice vectors of different networks, uniform over the space."""
  rng = np.random.default_rng([seed, DRAW])
  return distinct(
    space, lambda: space.sample(rng), lambda vector: True, networks
  )


def alone(config: Any, data: Data, spec: Any, folder: Path) -> float:
  """Held-out accuracy of a network that is trained from scratch."""
  result = train_network(
    Training(
      spec,
      config.train,
      Images(data.train, data.held_out),
      config.seed,
      folder / 'alone' / spec.name,
      f'training {spec.name}',
      make_augmentation(config.data.augment),
    )
  )
  return result['test']['accuracy']


def written(rows: Rows, folder: Path, seed: int) -> Agreement:
  """Writes the rows, what they say and their picture."""
  text = io.StringIO()
  sheet = csv.DictWriter(text, FIELDS, lineterminator='\n')
  sheet.writeheader()
  sheet.writerows(rows)
  write_text(folder / 'agreement.csv', text.getvalue())
  inherited = [row['inherited_accuracy'] for row in rows]
  own = [row['alone_accuracy'] for row in rows]
  found = agreement(inherited, own, seed)
  write_json(folder / 'agreement.json', asdict(found))
  draw(rows, found, folder / 'agreement.png')
  return found


def told(found: Agreement) -> str:
  """One sentence."""
  return (
    f"Kendall's tau {found.tau:.2f} (95 %: {found.low:.2f} to "
    f'{found.high:.2f}) over {found.networks} networks'
  )


def draw(rows: Rows, found: Agreement, path: Path) -> None:
  """A point a network; its colour is its multiply-adds."""
  matplotlib.use('Agg')
  import matplotlib.pyplot as plt

  figure, axes = plt.subplots(figsize=(5, 4.2), layout='constrained')
  points = axes.scatter(
    [100 * row['inherited_accuracy'] for row in rows],
    [100 * row['alone_accuracy'] for row in rows],
    c=[row['macs'] / 1e6 for row in rows],
    cmap='viridis',
  )
  figure.colorbar(points, label='million multiply-adds')
  axes.set_xlabel('accuracy with shared weights (%)')
  axes.set_ylabel('accuracy trained alone (%)')
  axes.set_title(told(found), fontsize=9)
  image = io.BytesIO()
  figure.savefig(image, format='png', dpi=150)
  plt.close(figure)
  write_bytes(path, image.getvalue())


if __name__ == '__main__':
  sys.exit(main())
