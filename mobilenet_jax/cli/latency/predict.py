"""`mobilenet-jax latency predict`."""

from collections.abc import Sequence

from mobilenet_jax.cli.parsing import Parser, print_json
from mobilenet_jax.latency.table import (
  ASSUMED_ERROR,
  POLICIES,
  LatencyTable,
)
from mobilenet_jax.models.find import find_arch


def run(arguments: Sequence[str]) -> None:
  """Prices networks."""
  parser = Parser(
    'latency predict', 'Price networks with a table: the sum of their blocks.'
  )
  parser.add_argument(
    'network', nargs='+', help="NAME, ARCH.json or 'SPEC STRING'"
  )
  parser.add_argument(
    '--table', required=True, help='FILE.csv, or the name of a shipped table'
  )
  parser.add_argument(
    '--missing',
    choices=POLICIES,
    default='error',
    help='what to do with a block that the table lacks; default error',
  )
  parser.add_shape()
  parser.add_json()
  args = parser.parse_args(arguments)
  table = LatencyTable.load(args.table)
  shape = (args.width, args.resolution, args.classes)
  specs = [find_arch(name, *shape) for name in args.network]
  found = [(spec, table.predict(spec, args.missing)) for spec in specs]
  assumed = None if 'network_error' in table.provenance else ASSUMED_ERROR
  if args.json:
    print_json(
      {
        'table': args.table,
        'device': table.provenance['device'],
        'chip': table.provenance['chip'],
        'dtype': table.dtype,
        'assumed_error': assumed,
        'networks': [
          {
            'name': spec.name,
            'ms': latency.ms,
            'lower': latency.lower,
            'upper': latency.upper,
            'blocks': len(spec.blocks),
            'interpolated': [str(key) for key in latency.missing],
          }
          for spec, latency in found
        ],
      }
    )
    return
  source = table.provenance
  print(f'{source["device"]}, {source["chip"]}, {table.dtype}')
  for spec, latency in found:
    print(
      f'{spec.name:28} {latency.ms:9.3f} ms   '
      f'{latency.lower:.3f} to {latency.upper:.3f}'
    )
    for key in latency.missing:
      print(f'  interpolated: {key}')
  if assumed:
    print(
      f'The table does not say how far off whole networks are; the interval '
      f'assumes {assumed:.0%}.'
    )
