"""`mobilenet-jax data COMMAND`: what is in a data set."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mobilenet_jax.cli.parsing import Parser, print_json
from mobilenet_jax.cli.tables import table
from mobilenet_jax.core.errors import UserError, did_you_mean
from mobilenet_jax.core.text import counted, printable

COMMANDS = {'check': 'sizes, classes, broken images, duplicates, samples'}
HEADS = (
  '<split', 'images', 'broken', 'width', 'height', 'fewest', 'most a class',
)  # fmt: skip
LISTED = 20  # lines of one kind; --json has all


def run(arguments: Sequence[str]) -> None:
  """Finds the command and runs it."""
  if not arguments or arguments[0] in ('-h', '--help'):
    rows = [f'  {name:12}{text}' for name, text in COMMANDS.items()]
    print('usage: mobilenet-jax data COMMAND [arguments]\n')
    print('\n'.join(rows))
    return
  name, *rest = arguments
  if name not in COMMANDS:
    hint = did_you_mean(name, COMMANDS)
    raise UserError(f'Unknown command data {name!r}.{hint}')
  check(rest)


def check(arguments: Sequence[str]) -> None:
  """Checks a data set and shows samples of it."""
  args = _parse(arguments)
  from mobilenet_jax.data.survey import survey

  found = survey(args.source, args.split or (), args.data_dir, out=args.out)
  if args.json:
    print_json(found.as_json())
  else:
    for line in lines(found.as_json()):
      print(printable(line))
  found.check()


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
  parser = Parser(
    'data check',
    'Read every image of a data set and tell what is in it and wrong with it;'
    ' the exit status is 1 if images are broken, a class has none, or one image'
    ' is in two splits or classes.',
  )
  parser.add_argument('source', help='folder:PATH or a TFDS name')
  parser.add_argument(
    '--split', action='append', help="such as 'train[:10%%]'; default all"
  )
  parser.add_argument('--data-dir', help="of TFDS sets; default TFDS' own")
  parser.add_argument(
    '--out', metavar='FOLDER', help='gets samples.png and check.json'
  )
  parser.add_json()
  return parser.parse_args(arguments)


def lines(found: Mapping[str, Any]) -> Iterator[str]:
  """What a survey found, as text for people."""
  names, splits = found['class_names'], found['splits']
  total = sum(row['images'] for row in splits.values())
  yield f'{found["source"]}: {len(names)} classes, {counted(total, "image")}'
  rows = [_cells(split, row) for split, row in splits.items()]
  yield from table(HEADS, rows).splitlines()
  yield ''
  counts = [
    (printable(name), *(f'{row["per_class"][i]:,}' for row in splits.values()))
    for i, name in enumerate(names)
  ]
  yield from table(('<class', *splits), counts[:LISTED]).splitlines()
  yield from _more(counts)
  yield from _part('broken', [
    one['error'] for row in splits.values() for one in row['broken']
  ])  # fmt: skip
  for title, kind in (
    ('the same pixels', 'same'),
    ('nearly the same picture', 'near'),
  ):
    groups = [' = '.join(map(_image, group)) for group in found[kind]]
    yield from _part(title, groups)
  yield from _part('remarks', found['remarks'])
  yield from _part('problems', found['problems'])
  if found['sheet']:
    yield ''
    yield f'samples: {found["sheet"]}'


def _cells(split: str, row: Mapping[str, Any]) -> tuple[str, ...]:
  counts = row['per_class'] or [0]
  return (
    split,
    f'{row["images"]:,}',
    f'{len(row["broken"]):,}',
    _sides(row['width']),
    _sides(row['height']),
    f'{min(counts):,}',
    f'{max(counts):,}',
  )


def _sides(spread: Mapping[str, float] | None) -> str:
  """'32 / 48 / 96': least, median, most."""
  return ' / '.join(f'{v:g}' for v in spread.values()) if spread else '-'


def _image(image: Mapping[str, str]) -> str:
  return f'{image["image"]} ({image["split"]}, {image["class"]})'


def _part(title: str, told: Sequence[str]) -> Iterator[str]:
  if told:
    yield ''
    yield f'{title}: {len(told):,}'
    yield from (f'  {line}' for line in told[:LISTED])
    yield from _more(told)


def _more(told: Sequence[Any]) -> Iterator[str]:
  if len(told) > LISTED:
    yield f'  and {len(told) - LISTED:,} more'
