"""Random search at the target: networks of the window, each trained in full.

They are those that every search draws to compare with (`contenders.json`);
the most accurate on held-out images is what random search has found, and it
needs no training more.
"""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.core.config import to_plain
from mobilenet_jax.core.files import make_folder, read_json, write_json
from mobilenet_jax.jobs.contenders import choose_rivals, train_contender
from mobilenet_jax.jobs.pricing import open_pricing
from mobilenet_jax.jobs.runs import open_run
from mobilenet_jax.jobs.search import Clock, deploy_found, open_data
from mobilenet_jax.jobs.searching import SearchJob, training_images
from mobilenet_jax.jobs.training import image_side
from mobilenet_jax.space import get_space


def budget_of(config: Any, workdir: Path) -> float:
  """Images that a random search sees, counted as every search's are; its
  networks are drawn with it, and kept."""
  with opened(config, workdir) as job:
    return training_images(config, job.space, drawn(job))


def run(config: Any, workdir: Path) -> dict[str, Any]:
  """Searches in a run folder, or goes on; `results.json` is as a search's.

  Args:
    config: of a search; `compare.random` networks are drawn.
  """
  with opened(config, workdir) as job:
    pricing, specs = job.pricing, drawn(job)
    images = training_images(config, job.space, specs)
    clock, rows = Clock(job.folder / 'timings.json'), []
    for i, spec in enumerate(specs, 1):
      with clock('search'):
        row = train_contender(job, spec, f'training {i}/{len(specs)}')
      rows.append({**row, 'priced_ms': pricing.table.price(spec)})
    best = max(range(len(rows)), key=lambda i: rows[i]['held_out_accuracy'])
    for i, row in enumerate(rows):
      row['role'] = 'found' if i == best else 'random'
    results = {
      'target_ms': pricing.target_ms,
      'cost': {'search': images, 'random': images},
      'contenders': rows,
      'deployed': deploy_found(job, specs[best]),
    }
    write_json(job.folder / 'results.json', results)
  return results


@contextlib.contextmanager
def opened(config: Any, workdir: Path) -> Iterator[SearchJob]:
  """The search, in its run folder."""
  with open_run(str(workdir), 'random search', config) as folder:
    data = open_data(config)
    side, classes = image_side(data.train), data.train.num_classes
    space = get_space(config.space, side, classes)
    pricing = open_pricing(config.latency, space, folder)
    yield SearchJob(config, space, pricing, data, folder, None)


def drawn(job: SearchJob) -> list[ArchSpec]:
  """The networks that are trained."""
  return [spec for role, spec in choose_rivals(job) if role == 'random']


def lend(found: Path, config: Any, workdir: Path) -> None:
  """Gives a search, which would train the first random network of its seed
  beside what it finds, the training that random search has made of it.

  Args:
    found: run folder of the random search of the same seed.
    config: of the other search.
    workdir: its run folder.
  """
  done, place = found / 'contenders/random_0', workdir / 'contenders/random_0'
  if place.exists() or not (done / 'result.json').exists():
    return
  known = read_json(done / 'config.json')
  if any(known[part] != to_plain(config[part]) for part in ('data', 'train')):
    return
  with open_run(workdir, 'search', config):
    half = make_folder(place.parent) / '.random_0'  # there whole or not at all
    shutil.copytree(done, half, dirs_exist_ok=True)
    half.rename(place)
