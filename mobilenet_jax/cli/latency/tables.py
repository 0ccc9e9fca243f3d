"""`mobilenet-jax latency tables`."""

from collections.abc import Sequence

from mobilenet_jax.cli.parsing import Parser, print_json
from mobilenet_jax.latency.table import LatencyTable, list_tables

SHOWN = ('device', 'chip', 'dtype', 'source', 'licence')


def run(arguments: Sequence[str]) -> None:
  """Lists the shipped tables."""
  parser = Parser('latency tables', 'List the tables that ship with us.')
  parser.add_json()
  args = parser.parse_args(arguments)
  rows = []
  for name in list_tables():
    table = LatencyTable.load(name)
    about = {key: table.provenance[key] for key in SHOWN}
    rows.append({'name': name, 'blocks': len(table.rows), **about})
  if args.json:
    print_json(rows)
    return
  for row in rows:
    print(f'{row["name"]}: {row["blocks"]} blocks')
    for key in SHOWN:
      print(f'  {key:8} {row[key]}')
