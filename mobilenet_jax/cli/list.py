"""`mobilenet-jax list`."""

from collections.abc import Sequence
from typing import Any

from mobilenet_jax.cli.parsing import Parser, print_json
from mobilenet_jax.cli.tables import table
from mobilenet_jax.models.catalogue import catalogue

HEADS = ('<name', 'px', 'params', 'MACs', 'top-1', '<published in')


def run(arguments: Sequence[str]) -> None:
  """Prints every network of the zoo at its own resolution."""
  parser = Parser('list', 'The networks of the zoo.')
  parser.add_argument('--family', help='these networks only')
  parser.add_argument(
    '--all',
    action='store_true',
    help='also every width and resolution with a published accuracy',
  )
  parser.add_json()
  args = parser.parse_args(arguments)
  rows = catalogue(args.family, grid=args.all)
  if args.json:
    print_json(rows)
    return
  print(table(HEADS, [cells(row) for row in rows]))


def cells(row: dict[str, Any]) -> tuple[str, ...]:
  """A row of the catalogue as text."""
  width, top1 = row['width'], row['top1']
  return (
    row['name'] + ('' if width == 1 else f' x{width:g}'),
    str(row['resolution']),
    f'{row["params"]:,}',
    f'{row["macs"]:,}',
    '-' if top1 is None else f'{top1:.1f}',
    row['source'] or _elsewhere(row['elsewhere']),
  )


def _elsewhere(found: dict[str, Any] | None) -> str:
  """A figure at another resolution, which does not go with the row's costs."""
  if found is None:
    return '-'
  paper = found['source'].split(', ')[0]
  return f'{found["top1"]:.1f} at {found["resolution"]} px, {paper}'
