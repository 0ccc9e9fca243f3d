"""`mobilenet-jax list`."""

from collections.abc import Sequence

from mobilenet_jax.arch import count
from mobilenet_jax.cli.parsing import Parser, print_json
from mobilenet_jax.models import get_arch, list_models


def run(arguments: Sequence[str]) -> None:
  """Prints every network of the zoo at its own resolution."""
  parser = Parser('list', 'The networks of the zoo.')
  parser.add_json()
  args = parser.parse_args(arguments)
  rows = []
  for name in list_models():
    spec = get_arch(name)
    counts = count(spec)
    rows.append(
      {
        'name': name,
        'resolution': spec.resolution,
        'params': counts.params,
        'macs': counts.macs,
      }
    )
  if args.json:
    print_json(rows)
    return
  print(f'{"name":24}{"px":>5}{"params":>14}{"MACs":>16}')
  for row in rows:
    print(
      f'{row["name"]:24}{row["resolution"]:>5}{row["params"]:>14,}'
      f'{row["macs"]:>16,}'
    )
