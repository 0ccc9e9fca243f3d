"""`mobilenet-jax latency merge`."""

import functools
from collections.abc import Sequence

from mobilenet_jax.cli.parsing import Parser, print_json
from mobilenet_jax.latency.table import LatencyTable, check_writable


def run(arguments: Sequence[str]) -> None:
  """Puts tables of one device together."""
  parser = Parser(
    'latency merge',
    'Put tables of one device under the same conditions together; of a block '
    'that stands in several, the last one counts.',
  )
  parser.add_argument('table', help='FILE.csv or a shipped table')
  parser.add_argument('more', nargs='+', help='the same')
  parser.add_argument('--out', required=True, help='the table, a .csv')
  parser.add_json()
  args = parser.parse_args(arguments)
  check_writable(args.out)
  tables = [LatencyTable.load(path) for path in (args.table, *args.more)]
  made = functools.reduce(LatencyTable.merge, tables)
  made.save(args.out)
  device = made.provenance['device']
  if args.json:
    print_json(
      {
        'table': args.out,
        'blocks': len(made.rows),
        'unit': made.unit,
        'device': device,
      }
    )
    return
  print(f'{args.out}: {len(made.rows)} {made.unit}s of {device}.')
