"""`mobilenet-jax latency import`."""

import argparse
from collections.abc import Sequence

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.cli.parsing import Parser, print_json
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.importers import FORMATS, import_table
from mobilenet_jax.latency.table import check_writable
from mobilenet_jax.models.find import find_arch


def run(arguments: Sequence[str]) -> None:
  """Turns a table of another project into ours."""
  parser = Parser(
    'latency import', 'Turn a latency table of another project into ours.'
  )
  parser.add_argument('file')
  parser.add_argument('--format', required=True, choices=sorted(FORMATS))
  parser.add_argument('--out', required=True, help='the table, a .csv')
  parser.add_argument(
    '--arch', help='benchmark_model only: the network that was profiled'
  )
  parser.add_argument(
    '--set',
    nargs='+',
    default=[],
    metavar='NAME=VALUE',
    help='what you know of the measurement: device="Pixel 4" threads=1 ...',
  )
  parser.add_shape()
  parser.add_json()
  args = parser.parse_args(arguments)
  check_writable(args.out)
  table = import_table(
    args.file,
    args.format,
    provenance=_pairs(args.set),
    arch=_arch(args),
  )
  table.save(args.out)
  made = {
    'table': args.out,
    'blocks': len(table.rows),
    'unit': table.unit,
    'device': table.provenance['device'],
    'licence': table.provenance['licence'],
    'skipped': table.provenance.get('skipped', 0),
  }
  if args.json:
    print_json(made)
    return
  print(
    f'{args.out}: {made["blocks"]} {table.unit}s of {made["device"]}, licence '
    f'{made["licence"]}.'
  )
  if made['skipped']:
    print(f'Skipped, as no block of ours does this: {made["skipped"]}.')


def _arch(args: argparse.Namespace) -> ArchSpec | None:
  """The network that was profiled, where one is named."""
  if args.arch is not None:
    return find_arch(args.arch, args.width, args.resolution, args.classes)
  for name in ('width', 'resolution', 'classes'):
    if getattr(args, name) is not None:
      raise UserError(f'--{name} is of a network: name it with --arch.')
  return None


def _pairs(words: Sequence[str]) -> dict[str, str]:
  """NAME=VALUE words as a dict."""
  for word in words:
    if '=' not in word:
      raise UserError(f'--set {word!r} is not NAME=VALUE.')
  return dict(word.split('=', 1) for word in words)
