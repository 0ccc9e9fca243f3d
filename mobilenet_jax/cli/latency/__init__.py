"""`mobilenet-jax latency COMMAND`: what is known about devices."""

import importlib
from collections.abc import Sequence

from mobilenet_jax.core.errors import UserError, did_you_mean

COMMANDS = {
  'predict': 'price networks with a table',
  'compare': 'where two tables disagree, block by block',
  'merge': 'one table of several of a device',
  'import': 'a table from a foreign format',
  'calibrate': 'a table for a phone known by whole networks only',
  'tables': 'the tables and anchor sets that ship with the package',
}


def run(arguments: Sequence[str]) -> None:
  """Finds the command and runs it."""
  if not arguments or arguments[0] in ('-h', '--help'):
    rows = [f'  {name:12}{text}' for name, text in COMMANDS.items()]
    print('usage: mobilenet-jax latency COMMAND [arguments]\n')
    print('\n'.join(rows))
    return
  name, *rest = arguments
  if name not in COMMANDS:
    hint = did_you_mean(name, COMMANDS)
    raise UserError(f'Unknown command latency {name!r}.{hint}')
  module = {'import': 'import_table'}.get(name, name)
  importlib.import_module(f'mobilenet_jax.cli.latency.{module}').run(rest)
