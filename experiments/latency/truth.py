"""Does a sum of blocks tell the truth about whole networks?

    .venv/bin/python experiments/latency/truth.py            # about 40 min
    .venv/bin/python experiments/latency/truth.py --dtype=int8 --quick

Measures every block of `v3_mobile` at 224 px on this computer, then 100
random networks of the space and the zoo's mobile networks, converted whole.
What the sum of blocks misses is fitted on 50 other random networks and judged
on those 100. The same networks are priced by their operations, too. --quick
leaves out the zoo and the operations. Writes truth-DTYPE.json, .md and .png
beside this file, and the table (with the correction in its provenance) to
--table.

Leave the computer alone while it runs; it can be stopped and goes on.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from networks import MOBILE, Whole, random_networks, time_networks
from picture import scatter
from scipy.stats import kendalltau

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.core.files import (
  make_folder,
  read_json,
  write_json,
  write_text,
)
from mobilenet_jax.core.progress import say
from mobilenet_jax.latency.correction import Correction, by_size
from mobilenet_jax.latency.key import BlockKey, keys
from mobilenet_jax.latency.operations import operations
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.latency.tensors import space_keys
from mobilenet_jax.measure import collect
from mobilenet_jax.measure.host import Host
from mobilenet_jax.models import get_arch
from mobilenet_jax.space import get_space

HERE = Path(__file__).parent
SPACE = 'v3_mobile'
CORRECTIONS = ('none', 'one factor', 'by size')
# in int8, where weights are a quarter, none helped
CHOSEN = {'float32': 'by size', 'int8': 'none'}
AT_REST = 1.2  # times the reference block's usual time
ABOUT = {
  'random': 'random',
  'at rest': 'of them, timed while the computer was at rest',
  'zoo': 'of the zoo',
}


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--dtype', default='float32', choices=CHOSEN)
  parser.add_argument('--networks', type=int, default=100)
  parser.add_argument('--fit', type=int, default=50)
  parser.add_argument('--quick', action='store_true')
  parser.add_argument('--workdir', default='runs/truth')
  parser.add_argument('--table', default='runs/truth/host.csv')
  args = parser.parse_args()
  host, folder = Host(args.dtype), make_folder(args.workdir)

  groups = {
    'fit': random_networks(SPACE, args.fit, 3, 'fit'),
    'random': random_networks(SPACE, args.networks, 2, 'random'),
    'zoo': [] if args.quick else [get_arch(name) for name in MOBILE],
  }
  blocks, by_operation, took = tables(host, groups['zoo'], args.quick)
  log = folder / f'whole-{args.dtype}.jsonl'
  usual = blocks.provenance['reference_ms']
  whole = {
    group: time_networks(specs, host, usual, log)
    for group, specs in groups.items()
  }
  found = {
    'chip': blocks.provenance['chip'],
    'date': blocks.provenance['date'],
    'dtype': args.dtype,
    'blocks': took,
    'by block': judged(blocks, groups, whole),
    'whole': {name: [asdict(w) for w in ws] for name, ws in whole.items()},
  }
  if by_operation:
    found['by operation'] = judged(by_operation, groups, whole)
  best = found['by block']['chosen']
  save_table(blocks, found, args.table)
  write_json(HERE / f'truth-{args.dtype}.json', found)
  write_text(HERE / f'truth-{args.dtype}.md', text(found))
  scatter(found, best, HERE / f'truth-{args.dtype}.png')
  print(text(found))


def tables(
  host: Host, zoo: Sequence[ArchSpec], quick: bool
) -> tuple[LatencyTable, LatencyTable | None, dict[str, float]]:
  """Tables of blocks and of operations, and how long the space's took."""
  wanted = space_keys(get_space(SPACE, None, 1000).spec, host.dtype)
  took = {'of the space': len(wanted), **minutes_of_last_time(host.dtype)}
  todo = len(collect.plan(host, wanted).todo)
  start = time.monotonic()
  collect.measure(host, wanted, say)
  if todo == len(wanted):
    took['minutes'] = round((time.monotonic() - start) / 60, 1)
  more = [key for spec in zoo for key in keys(spec, host.dtype)]
  blocks = collect.measure(host, [*wanted, *more], say)
  if quick:
    return blocks, None, took
  parts = [part for key in blocks.rows for part in operations(key)]
  took['operations'] = len(set(parts))
  found = collect.measure(host, parts, say)
  by = LatencyTable(found.rows, {**found.provenance, 'unit': 'operation'})
  # the usual speed may have been found to be higher meanwhile
  return blocks.at_speed(by.provenance['reference_ms']), by, took


def minutes_of_last_time(dtype: str) -> dict[str, float]:
  """How long the space's blocks took: not told again where all are known."""
  path = HERE / f'truth-{dtype}.json'
  last = read_json(path)['blocks'] if path.exists() else {}
  return {'minutes': last['minutes']} if 'minutes' in last else {}


def judged(
  table: LatencyTable,
  groups: dict[str, list[ArchSpec]],
  whole: dict[str, list[Whole]],
) -> dict[str, Any]:
  """Errors with no correction and with each that is fitted on 'fit'."""
  alone = {g: alone_by_size(table, specs) for g, specs in groups.items()}
  true = {g: np.array([w.ms for w in ws]) for g, ws in whole.items()}
  rest = np.array([w.drift <= AT_REST for w in whole['random']])
  tried = {}
  for name in CORRECTIONS:
    correction = fitted(alone['fit'], true['fit'], name)
    factors = np.array([*asdict(correction).values()])
    tried[name] = {
      'correction': asdict(correction),
      **{
        g: errors(alone[g] @ factors, true[g]) for g in groups if alone[g].size
      },
      **at_rest(alone['random'] @ factors, true['random'], rest),
      'of': {g: list(np.round(alone[g] @ factors, 4)) for g in groups},
    }
  return {'chosen': CHOSEN[table.dtype], 'tried': tried}


def at_rest(
  priced: np.ndarray, true: np.ndarray, rest: np.ndarray
) -> dict[str, dict[str, float]]:
  """The errors on those of some networks, where it is not all."""
  return {} if rest.all() else {'at rest': errors(priced[rest], true[rest])}


def alone_by_size(table: LatencyTable, specs: Sequence[ArchSpec]) -> np.ndarray:
  """What a correction's factors multiply, a row a network."""
  rows = []
  for spec in specs:
    wanted = keys(spec, table.dtype)
    rows.append(by_size(wanted, [ms_of(table, key) for key in wanted]))
  return np.array(rows).reshape(-1, 3)


def ms_of(table: LatencyTable, key: BlockKey) -> float:
  return sum(table[part].ms for part in table.parts(key))


def fitted(alone: np.ndarray, true: np.ndarray, name: str) -> Correction:
  """Least squares of the relative error."""
  if name == 'none':
    return Correction()
  if name == 'one factor':
    alone = alone.sum(1, keepdims=True)
  relative = alone / true[:, None]
  found, *_ = np.linalg.lstsq(relative, np.ones(len(true)), rcond=None)
  factors = [round(float(x), 4) for x in found]
  return Correction(*(factors if len(factors) > 1 else 3 * factors))


def errors(priced: np.ndarray, true: np.ndarray) -> dict[str, float]:
  """Relative errors of prices."""
  off = priced / true - 1
  return {
    'mean': round(float(np.abs(off).mean()), 4),
    'bias': round(float(off.mean()), 4),
    'rms': round(float(np.sqrt(np.mean(off**2))), 4),
    'within 10 %': round(float((np.abs(off) <= 0.1).mean()), 4),
    'worst': round(float(np.abs(off).max()), 4),
    'tau': round(float(kendalltau(priced, true).statistic), 4),
    'networks': len(true),
  }


def save_table(blocks: LatencyTable, found: dict[str, Any], path: str) -> None:
  """The table with its correction and the error that is left."""
  made = found['by block']
  chosen = made['tried'][made['chosen']]
  correction = {
    **chosen['correction'],
    'fitted_on': f'{chosen["fit"]["networks"]} random networks of {SPACE}',
  }
  more = {'correction': correction, 'network_error': chosen['random']['rms']}
  make_folder(Path(path).parent)
  LatencyTable(blocks.rows, {**blocks.provenance, **more}).save(path)


def text(found: dict[str, Any]) -> str:
  """The results as a page."""
  took = found['blocks']
  minutes = f' in {took["minutes"]} minutes' if 'minutes' in took else ''
  about = f'{found["chip"]}, {found["dtype"]}, {found["date"]}'
  counts = f'{took["of the space"]} blocks{minutes}'
  if 'operations' in took:
    counts += f', {took["operations"]} operations'
  heads = (
    'priced', 'correction', 'networks', 'mean error', 'bias', 'within 10 %',
    'worst', 'Kendall tau',
  )  # fmt: skip
  lines = [f'{about}: {counts}.', '']
  lines += [f'| {" | ".join(heads)} |', '|---' * len(heads) + '|']
  for way in (w for w in ('by block', 'by operation') if w in found):
    for name, made in found[way]['tried'].items():
      mark = ' (chosen)' if name == found[way]['chosen'] else ''
      for group in (g for g in ABOUT if g in made):
        e = made[group]
        lines.append(
          f'| {way} | {name}{mark} | {e["networks"]} {ABOUT[group]} | '
          f'{e["mean"]:.1%} | {e["bias"]:+.1%} | {e["within 10 %"]:.0%} | '
          f'{e["worst"]:.1%} | {e["tau"]:.3f} |'
        )
  return '\n'.join(lines) + '\n'


if __name__ == '__main__':
  main()
