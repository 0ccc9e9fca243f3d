"""`mobilenet-jax latency tables`."""

from collections.abc import Sequence
from typing import Any

from mobilenet_jax.cli.parsing import Parser, print_json
from mobilenet_jax.latency.anchors import list_anchors, load_anchors
from mobilenet_jax.latency.table import LatencyTable, list_tables

SHOWN = ('device', 'chip', 'dtype', 'source', 'licence')


def run(arguments: Sequence[str]) -> None:
  """Lists the shipped tables and anchor sets."""
  parser = Parser(
    'latency tables', 'List the tables and anchor sets that ship with us.'
  )
  parser.add_json()
  args = parser.parse_args(arguments)
  tables = [_table(name) for name in list_tables()]
  anchors = [_anchors(name) for name in list_anchors()]
  if args.json:
    print_json({'tables': tables, 'anchor_sets': anchors})
    return
  print('Tables (--table):')
  for row in tables:
    print(f'{row["name"]}: {row["blocks"]} blocks')
    for key in SHOWN:
      print(f'  {key:8} {row[key]}')
  print('\nLatencies of whole networks (--anchors):')
  for row in anchors:
    print(f'{row["name"]}: {row["networks"]} of {row["device"]}')


def _table(name: str) -> dict[str, Any]:
  table = LatencyTable.load(name)
  about = {key: table.provenance[key] for key in SHOWN}
  return {'name': name, 'blocks': len(table.rows), **about}


def _anchors(name: str) -> dict[str, Any]:
  found = load_anchors(name)
  return {
    'name': name,
    'networks': len(found.anchors),
    'device': found.provenance['device'],
    'sources': found.provenance['sources'],
  }
