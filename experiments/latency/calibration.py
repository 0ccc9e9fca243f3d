"""How far off are tables carried to a phone by published latencies?

    .venv/bin/python experiments/latency/calibration.py --builtin  # 12 min
    .venv/bin/python experiments/latency/calibration.py --table=HOST.csv

Measures the blocks of all networks with a published latency on Pixel 1, 2 and
3 on this computer (or takes a table that has them), carries the table to each
phone, and says how far off it is on networks left out of the fit, how that
falls with the number of anchors, and what else was tried. Writes
calibration.json, .md and .png beside this file, and the shipped tables
pixel1-, pixel2- and pixel3-transferred.

Leave the computer alone while it measures; it can be stopped and goes on.
"""

import argparse
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from calibration_page import page, picture
from calibration_tries import tries

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import make_folder, write_json, write_text
from mobilenet_jax.core.progress import say
from mobilenet_jax.latency import calibrate as calibration
from mobilenet_jax.latency.anchors import AnchorSet, load_anchors
from mobilenet_jax.latency.factors import Totals, fit
from mobilenet_jax.latency.key import BlockKey, keys
from mobilenet_jax.latency.table import SHIPPED, LatencyTable
from mobilenet_jax.latency.tensors import space_keys
from mobilenet_jax.measure import collect
from mobilenet_jax.measure.host import Host
from mobilenet_jax.models.find import find_arch
from mobilenet_jax.space import get_space

HERE = Path(__file__).parent
PHONES = ('pixel1', 'pixel2', 'pixel3')
SIZES = (3, 5, 10, 20, 40)
DRAWS = 100
MEASURED = 'pixel1-single_path_nas'
find = functools.lru_cache(None)(find_arch)


def networks(anchors: AnchorSet) -> list[tuple[BlockKey, ...]]:
  """The blocks of every anchor."""
  return [keys(spec) for spec in anchors.specs(find)]


def wanted_blocks(spaces: Sequence[str]) -> list[BlockKey]:
  """The blocks of all anchors, and of spaces."""
  found: dict[BlockKey, None] = {}
  for phone in PHONES:
    for network in networks(load_anchors(phone).of('float32')):
      found |= dict.fromkeys(network)
  for space in spaces:
    found |= dict.fromkeys(space_keys(get_space(space, 224, 1000).spec))
  return list(found)


def learning_curve(table: LatencyTable, phone: str) -> list[dict[str, Any]]:
  """Errors on the networks that so many random anchors leave out."""
  anchors = load_anchors(phone).of('float32')
  wanted = networks(anchors)
  groups = np.array(calibration.networks_of(wanted))
  candidates = {
    r: calibration.totals_of(
      table, calibration.split_by_kind(table, r), anchors, wanted
    )
    for r in calibration.RESIDUALS
  }
  rows = []
  for size in (s for s in SIZES if s < len(groups)):
    errors = [
      _draw(candidates, groups, np.random.default_rng(seed), size)
      for seed in range(DRAWS)
    ]
    low, middle, high = np.quantile(errors, [0.1, 0.5, 0.9])
    rows.append({'anchors': size, 'median': middle, 'p10': low, 'p90': high})
    say(f'  {size} anchors: {middle:.1%} ({low:.1%} to {high:.1%})')
  return rows


def _draw(
  candidates: dict[float, Totals],
  groups: np.ndarray,
  rng: np.random.Generator,
  size: int,
) -> float:
  """Mean error on the other networks of a fit to some anchors."""
  picked = rng.choice(len(groups), size, replace=False)
  others = ~np.isin(groups, groups[picked])
  some = {r: totals.take(picked) for r, totals in candidates.items()}
  residual = calibration.best_residual(some, groups[picked])
  left = candidates[residual].take(others)
  return float(np.abs(fit(some[residual]).predict(left) / left.ms - 1).mean())


def against_measured(table: LatencyTable) -> dict[str, Any]:
  """A transferred Pixel 1 against blocks that others timed on one."""
  measured = LatencyTable.load(MEASURED)
  ratios = np.array(
    [
      table.cost(key, 'interpolate').ms / timing.ms
      for key, timing in measured.rows.items()
      if timing.ms and key.kind in ('ir', 'ds')
    ]
  )
  middle = float(np.median(ratios))
  off = np.abs(ratios / middle - 1)
  return {
    'table': MEASURED, 'blocks': len(ratios), 'median ratio': middle,
    'mean error at that ratio': float(off.mean()),
    'within 10 % of it': float((off < 0.1).mean()),
  }  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
  """Parses, runs, writes."""
  parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
  parser.add_argument('--table', type=Path, help='a measured table')
  parser.add_argument(
    '--space',
    action='append',
    default=[],
    help='whose blocks at 224 px the tables should have, too',
  )
  parser.add_argument(
    '--builtin',
    action='store_true',
    help="try a host with LiteRT's own kernels, too",
  )
  parser.add_argument('--folder', type=Path, default=HERE)
  parser.add_argument('--tables', type=Path, default=SHIPPED)
  options = parser.parse_args(arguments)
  if options.table:
    host = LatencyTable.load(options.table)
  else:
    host = collect.measure(Host(), wanted_blocks(options.space), say)
  found: dict[str, Any] = {'host': dict(host.provenance), 'phones': {}}
  for folder in (options.folder, options.tables):
    make_folder(folder)
  for phone in PHONES:
    made = calibration.calibrate(host, load_anchors(phone), find)
    made.save(options.tables / f'{phone}-transferred.csv')
    found['phones'][phone] = made.provenance['transfer']
    error = made.provenance['transfer']['leave_one_network_out']
    say(f'{phone}: left out, {error["mean"]:.1%} off in the mean')
    if phone == 'pixel1':
      try:
        found['against measured blocks'] = against_measured(made)
      except UserError as error:
        say(f'  not compared with {MEASURED}: {error}')
  own = host.only(wanted_blocks([]))  # what `calibrate` fits
  found['learning curve'] = learning_curve(own, 'pixel1')
  found['tried'] = tries(own, PHONES, find)
  if options.builtin:
    other = collect.measure(Host(xnnpack=False), wanted_blocks([]), say)
    for name, row in tries(other, PHONES, find, priors=False).items():
      found['tried'][f"LiteRT's own kernels: {name}"] = row
  write_json(options.folder / 'calibration.json', found)
  write_text(options.folder / 'calibration.md', page(found))
  picture(found, options.folder / 'calibration.png')


if __name__ == '__main__':
  main()
