"""`mobilenet-jax train`."""

from collections.abc import Sequence
from typing import Any

from mobilenet_jax.cli.parsing import Parser, print_json
from mobilenet_jax.cli.tables import table
from mobilenet_jax.core.text import printable

SHOWN = 30  # classes


def run(arguments: Sequence[str]) -> None:
  """Trains a network in a run folder."""
  parser = Parser(
    'train',
    'Train a network and evaluate it; the same command on the same folder '
    'resumes.',
  )
  args, config = parser.parse_job(arguments)

  from mobilenet_jax.core.cache import use_compilation_cache
  from mobilenet_jax.core.distributed import joined
  from mobilenet_jax.core.processes import is_first
  from mobilenet_jax.jobs import training

  use_compilation_cache()
  with joined():
    result = training.run(config, args.workdir)
    speaks = is_first()
  if not speaks:
    return
  if args.json:
    print_json(result)
    return
  if 'classes' in result:
    print(classes(result['classes']))
    print(f'in {args.workdir}: {", ".join(result["files"])}')
  print(f'{result["name"]}: test accuracy {result["test"]["accuracy"]:.2%}')


def classes(found: Sequence[dict[str, Any]]) -> str:
  """The accuracy of every class, of many those that need it most."""
  order = sorted(found, key=_need)
  rows = [
    (
      printable(one['name']),
      f'{one["images"]:,}',
      '-' if one['accuracy'] is None else f'{one["accuracy"]:.1%}',
    )
    for one in (found if len(found) <= SHOWN else order[:SHOWN])
  ]
  text = table(('<class', 'test images', 'accuracy'), rows)
  rest = len(found) - len(rows)
  more = f'{rest:,} more, none worse' if rest else ''
  return f'{text}\n{more}' if more else text


def _need(one: dict[str, Any]) -> tuple[bool, float]:
  """Sorts the worst class first, those without images last."""
  return one['accuracy'] is None, one['accuracy'] or 0.0
