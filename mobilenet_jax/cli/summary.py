"""`mobilenet-jax summary`."""

import dataclasses
from collections.abc import Sequence

from mobilenet_jax.arch import Layer, count, layers, to_string
from mobilenet_jax.cli.parsing import Parser, print_json
from mobilenet_jax.cli.tables import table
from mobilenet_jax.models.find import find_arch

HEADS = ('<layer', 'k/s', 'groups', 'in', 'out', 'params', 'MACs')


def run(arguments: Sequence[str]) -> None:
  """Prints a network layer by layer."""
  parser = Parser('summary', 'A network layer by layer.')
  parser.add_argument('network', help="NAME, ARCH.json or 'SPEC STRING'")
  parser.add_shape()
  parser.add_json()
  args = parser.parse_args(arguments)
  spec = find_arch(args.network, args.width, args.resolution, args.classes)
  rows, total = layers(spec), count(spec)
  if args.json:
    print_json(
      {
        'arch': to_string(spec),
        'layers': [
          {**dataclasses.asdict(row), 'params': row.params, 'macs': row.macs}
          for row in rows
        ],
        **dataclasses.asdict(total),
      }
    )
    return
  last = ('total', '', '', '', '', f'{total.params:,}', f'{total.macs:,}')
  print(table(HEADS, [*map(cells, rows), last]))
  print(to_string(spec))


def cells(row: Layer) -> tuple[str, ...]:
  """A layer as text."""
  into, out = (
    f'{size}x{size}x{channels}' if size > 1 else str(channels)
    for size, channels in (
      (row.in_size, row.in_channels),
      (row.out_size, row.out_channels),
    )
  )
  return (
    row.name,
    f'{row.kernel}/{row.stride}' if row.weights else '',
    str(row.groups) if row.groups > 1 else '',
    into,
    out,
    f'{row.params:,}',
    f'{row.macs:,}',
  )
