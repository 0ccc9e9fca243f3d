"""`mobilenet-jax latency calibrate`."""

from collections.abc import Sequence

from mobilenet_jax.cli.parsing import Parser, print_json
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.anchors import load_anchors
from mobilenet_jax.latency.calibrate import calibrate
from mobilenet_jax.latency.table import (
  POLICIES,
  LatencyTable,
  check_writable,
)
from mobilenet_jax.models.find import find_arch


def run(arguments: Sequence[str]) -> None:
  """Carries a table to a phone known by whole networks."""
  parser = Parser(
    'latency calibrate',
    'Carry a complete table of one device to a phone of which only latencies '
    'of whole networks are known. The result is labelled as transferred.',
  )
  parser.add_argument(
    '--table', required=True, help='a measured table: FILE.csv or shipped'
  )
  parser.add_argument(
    '--anchors',
    required=True,
    help='latencies of the phone: FILE.csv (network, width, resolution, '
    'dtype, ms, source) or a shipped set',
  )
  parser.add_argument('--out', required=True, help='the table, a .csv')
  parser.add_argument(
    '--missing',
    choices=POLICIES,
    default='error',
    help="blocks of the anchors' networks that the table lacks",
  )
  parser.add_json()
  args = parser.parse_args(arguments)
  check_writable(args.out)
  if args.out == args.table:
    raise UserError(
      f'--out {args.out} is the measured table; write to another.'
    )
  made = calibrate(
    LatencyTable.load(args.table),
    load_anchors(args.anchors),
    find_arch,
    args.missing,
  )
  made.save(args.out)
  about = made.provenance['transfer']
  if args.json:
    print_json({'table': args.out, 'blocks': len(made.rows), **about})
    return
  print(f'{args.out}: {len(made.rows)} blocks, {made.provenance["device"]}')
  for kind, factor in about['factors'].items():
    print(f'  {kind:12} {factor:8.2f} times the host')
  error = about['leave_one_network_out']
  print(f'Left out one by one, networks are {error["mean"]:.1%} off:')
  for source, row in error['by_source'].items():
    print(f'  {source:14} {row["mean"]:6.1%} of {row["anchors"]}')
