"""`mobilenet-jax evaluate`."""

import argparse
from collections.abc import Sequence
from typing import Any

from mobilenet_jax.cli.parsing import Parser, print_json
from mobilenet_jax.cli.tables import table
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.text import printable

SHOWN = 20  # classes; of more only the worst
COUNTED = '(reading, preparing and the network, once it is compiled)'


def run(arguments: Sequence[str]) -> None:
  """Evaluates a classifier on a split of a data set."""
  args = _parse(arguments)

  from mobilenet_jax.core.cache import use_compilation_cache
  from mobilenet_jax.jobs import evaluating

  use_compilation_cache()
  found = evaluating.evaluate(
    _subject(args),
    data=args.data,
    data_dir=args.data_dir,
    split=args.split,
    strict=args.strict,
    batch=args.batch,
  )
  written = found.write(args.out) if args.out else []
  result = found.as_json()
  if args.json:
    print_json(result)
    return
  print(_text(result))
  for path in written:
    print(path)


def _subject(args: argparse.Namespace) -> Any:
  from mobilenet_jax.jobs import subjects

  if args.tflite:
    from mobilenet_jax.jobs.tflite_subject import from_tflite

    return from_tflite(
      args.tflite,
      model=args.model,
      source=args.source,
      width=args.width,
      workdir=args.workdir,
      labels=args.labels,
    )
  if args.workdir:
    return subjects.from_run(args.workdir, args.labels)
  return subjects.from_weights(
    args.model,
    args.weights,
    source=args.source,
    width=args.width,
    labels=args.labels,
  )


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
  parser = Parser(
    'evaluate',
    'Evaluate a run, a file of weights (--model and --weights) or a .tflite '
    'on a data set.',
  )
  parser.add_argument('--workdir', help='of a train or search')
  parser.add_argument('--model', help="NAME, ARCH.json or 'SPEC STRING'")
  parser.add_argument('--weights', help='the file, or a hub name')
  parser.add_argument('--source', help='library that wrote it; ours by default')
  parser.add_argument('--width', type=float, help='multiplier of NAME')
  parser.add_argument(
    '--tflite',
    metavar='FILE',
    help='--model or --workdir tells its mean, std and crop',
  )
  parser.add_argument('--labels', help='one name a line, or a .json')
  parser.add_argument(
    '--data', help="TFDS name or folder:PATH; the run's by default"
  )
  parser.add_argument('--data-dir', help='where TFDS sets live')
  parser.add_argument('--split', help="the run's test split, or 'test'")
  parser.add_argument(
    '--strict', action='store_true', help='a broken image is an error'
  )
  parser.add_argument(
    '--batch', type=int, default=64, help='images the network sees at once; 64'
  )
  parser.add_argument(
    '--out', metavar='FOLDER', help='gets per_class.csv and confusion.csv'
  )
  parser.add_json()
  args = parser.parse_args(arguments)
  _check(args)
  return args


def _check(args: argparse.Namespace) -> None:
  if args.weights and (args.workdir or args.tflite):
    raise UserError('--weights goes without --workdir and --tflite.')
  if args.workdir and args.model:
    raise UserError('--workdir goes without --model.')
  if not (args.workdir or args.tflite or (args.model and args.weights)):
    raise UserError(
      'Name a network by --workdir, by --model and --weights, or by --tflite.'
    )
  if not args.model and (args.source or args.width is not None):
    raise UserError('--source and --width go with --model.')
  if not args.workdir and not args.data:
    raise UserError('--data is missing: a name of TFDS, or folder:PATH.')


def _text(result: dict[str, Any]) -> str:
  """What people read."""
  top5 = f'{result["top5"]:.2%}' if 'top5' in result else '-'
  rows = [
    ('top-1 accuracy', f'{result["accuracy"]:.2%}'),
    ('top-5 accuracy', top5),
    ('loss', f'{result["loss"]:.4f}'),
    ('calibration error', f'{result["calibration_error"]:.2%} (15 bins)'),
    ('images per second', f'{result["images_per_second"]:.1f} {COUNTED}'),
  ]
  width = max(len(name) for name, _ in rows)
  where = f'{printable(result["data"])} {printable(result["split"])}'
  lines = [
    f'{printable(result["name"])} on {where}, {result["images"]:,} images'
  ]
  lines += [f'  {name:{width}}  {value}' for name, value in rows]
  lines += ['', _classes(result['per_class'])]
  if result['notes']:
    lines += ['', *map(printable, result['notes'])]
  return '\n'.join(lines)


def _classes(rows: Sequence[dict[str, Any]]) -> str:
  head = '<class'
  if len(rows) > SHOWN:
    head = f'<worst {SHOWN} of {len(rows):,} classes'
    seen = [row for row in rows if row['images']]
    rows = sorted(seen, key=lambda row: row['accuracy'])[:SHOWN]
  cells = [
    (
      printable(row['class']),
      f'{row["images"]:,}',
      '-' if row['accuracy'] is None else f'{row["accuracy"]:.1%}',
    )
    for row in rows
  ]
  return table((head, 'images', 'accuracy'), cells)
