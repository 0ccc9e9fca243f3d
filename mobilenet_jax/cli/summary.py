"""`mobilenet-jax summary`."""

import dataclasses
from collections.abc import Sequence

from mobilenet_jax.arch import count, layers, to_string
from mobilenet_jax.cli.parsing import Parser, print_json
from mobilenet_jax.models.find import find_arch


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
        'layers': [dataclasses.asdict(row) for row in rows],
        **dataclasses.asdict(total),
      }
    )
    return
  print(
    f'{"layer":34}{"k/s":>5}{"in":>13}{"out":>13}{"params":>12}{"MACs":>15}'
  )
  for row in rows:
    kind = f'{row.kernel}/{row.stride}'
    into = f'{row.in_size}x{row.in_size}x{row.in_channels}'
    out = f'{row.out_size}x{row.out_size}x{row.out_channels}'
    print(
      f'{row.name:34}{kind:>5}{into:>13}{out:>13}{row.params:>12,}'
      f'{row.macs:>15,}'
    )
  print(f'{"total":65}{total.params:>12,}{total.macs:>15,}')
  print(to_string(spec))
