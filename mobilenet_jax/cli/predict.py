"""`mobilenet-jax predict`."""

import argparse
from collections.abc import Sequence

from mobilenet_jax.cli.parsing import Parser, print_json
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.text import printable


def run(arguments: Sequence[str]) -> None:
  """Predicts what image files show."""
  args = _parse(arguments)
  from mobilenet_jax.data.listing import find_images

  paths = find_images(args.images, leave_out=args.annotate)

  from mobilenet_jax.core.cache import use_compilation_cache
  from mobilenet_jax.jobs import predict, predictor

  use_compilation_cache()
  if args.workdir:
    found = predictor.from_run(args.workdir, args.labels)
  else:
    found = predictor.from_weights(
      args.model, args.weights, width=args.width, labels=args.labels
    )
  result = predict.predict(
    found, paths, top=args.top, batch=args.batch, annotate=args.annotate
  )
  if args.json:
    print_json(result.as_json())
  else:
    for seen in result.seen:
      print(printable(seen.image))
      for line in seen.predictions:
        label = printable(line.label)
        print(f'  {line.probability:>6.1%}  {label} ({line.index})')
  result.check()


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
  parser = Parser('predict', 'Name what image files show.')
  parser.add_argument(
    'images', nargs='+', metavar='IMAGE', help="file, folder or 'glob'"
  )
  parser.add_argument('--model', help="NAME, ARCH.json or 'SPEC STRING'")
  parser.add_argument('--weights', help='a file that import-weights wrote')
  parser.add_argument('--workdir', help='instead: of a train or search')
  parser.add_argument('--width', type=float, help='multiplier of NAME')
  parser.add_argument('--top', type=int, default=5, help='classes an image; 5')
  parser.add_argument('--labels', help='one name a line, or a .json')
  parser.add_argument(
    '--batch', type=int, default=32, help='images the network sees at once; 32'
  )
  parser.add_argument(
    '--annotate', metavar='DIR', help='gets the pictures with their labels'
  )
  parser.add_json()
  args = parser.parse_args(arguments)
  if args.workdir and (args.model or args.weights):
    raise UserError('--workdir goes without --model and --weights.')
  if not args.workdir and not (args.model and args.weights):
    raise UserError('Name a network by --model and --weights, or --workdir.')
  return args
