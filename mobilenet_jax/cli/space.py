"""`mobilenet-jax space`."""

from collections.abc import Sequence
from typing import Any

from mobilenet_jax.cli.parsing import Parser, print_json
from mobilenet_jax.cli.tables import table
from mobilenet_jax.jobs.spaces import catalogue, describe
from mobilenet_jax.space.words import group, size_in_words, spans

HEADS = ('<space', 'px', 'size', 'decisions')
DECISIONS = ('<decision', '<choices', 'number', '<of')
NETWORKS = ('<network', 'px', 'blocks', 'params', 'MACs')
MOST_EXAMPLES, MOST_CHOICES = 5, 10


def run(arguments: Sequence[str]) -> None:
  """Lists the search spaces, or describes one."""
  parser = Parser(
    'space', 'The search spaces; with a name, what there is to know of one.'
  )
  parser.add_argument('name', nargs='?', help='NAME, or FILE.py of your own')
  parser.add_argument(
    '--table', help='FILE.csv, or the name of a shipped table: its coverage'
  )
  parser.add_argument('--resolution', type=int, help='side in pixels')
  parser.add_argument('--classes', type=int, help='default 1000')
  parser.add_argument('--draw', help='write a picture: FILE.png')
  parser.add_json()
  args = parser.parse_args(arguments)
  if args.name is None:
    for option in ('table', 'resolution', 'classes', 'draw'):
      if getattr(args, option) is not None:
        parser.error(f'--{option} needs the name of a space')
    rows = catalogue()
    if args.json:
      print_json(rows)
    else:
      print(table(HEADS, [cells(row) for row in rows]))
    return
  found = describe(
    args.name, args.resolution, args.classes, args.table, args.draw
  )
  if args.json:
    print_json(found)
    return
  print('\n\n'.join(sections(found)))


def cells(row: dict[str, Any]) -> tuple[str, ...]:
  """A space as text."""
  return (
    row['name'], str(row['resolution']), size_in_words(row['size']),
    str(row['decisions']),
  )  # fmt: skip


def sections(found: dict[str, Any]) -> list[str]:
  """The parts of a description."""
  parts = [
    (f'{found["name"]}: {size_in_words(found["size"])} choice vectors of '
    f'{len(found["decisions"])} decisions'),
    table(
      DECISIONS,
      [
        (name, short(words), str(len(tags)), spans(tags))
        for name, words, tags in group(found['decisions'])
      ],
    ),
    table(
      NETWORKS,
      [
        (
          name, str(found[name]['resolution']), str(found[name]['blocks']),
          f'{found[name]["params"]:,}', f'{found[name]["macs"]:,}',
        )
        for name in ('smallest', 'largest')
      ],
    ),
  ]  # fmt: skip
  if found['coverage']:
    parts.append(coverage(found['coverage']))
  if found['picture']:
    parts.append(f'Drawn in {found["picture"]}.')
  return parts


def short(words: Sequence[str]) -> str:
  """Choices on a line; of many the first and the last."""
  if len(words) > MOST_CHOICES:
    words = [*words[:2], f'... {len(words)} in all ...', words[-1]]
  return ' | '.join(words)


def coverage(found: dict[str, Any]) -> str:
  """What a table knows of a space."""
  text = (
    f'{found["table"]} ({found["chip"]}, {found["dtype"]}) has '
    f'{found["known"]:,} of {found["blocks"]:,} blocks'
  )
  takes = ''
  if found['fastest_ms'] is not None:
    takes = (
      f'; networks take {found["fastest_ms"]:.3f} to '
      f'{found["slowest_ms"]:.3f} ms'
    )
  if not found['missing']:
    return f'{text}{takes}.'
  if takes:
    takes += ', missing blocks estimated'
  kinds = ', '.join(f'{n:,} {kind}' for kind, n in found['missing'].items())
  shown = found['missing_examples'][:MOST_EXAMPLES]
  lines = [f'{text}{takes}.', f'Missing: {kinds}; such as']
  return '\n'.join([*lines, *(f'  {key}' for key in shown)])
