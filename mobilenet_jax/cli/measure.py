"""`mobilenet-jax measure`."""

from collections.abc import Sequence
from typing import Any

from mobilenet_jax.cli.parsing import Parser, print_json
from mobilenet_jax.core.errors import UserError


def run(arguments: Sequence[str]) -> None:
  """Writes a latency table of a device."""
  args = _parse(arguments)
  from mobilenet_jax.jobs import measuring

  wanted = measuring.Wanted(
    space=args.space,
    networks=args.arch,
    width=args.width,
    resolution=args.resolution,
    num_classes=args.classes,
    by_operation=args.by == 'operation',
  )
  instrument = measuring.open_instrument(
    args.device, args.dtype, **_conditions(args)
  )
  job = measuring.dry_run if args.dry_run else measuring.measure
  made = job(args.out, instrument, wanted)
  if args.json:
    print_json(made)
  elif not args.dry_run:
    print(f'{made["table"]}: {made["blocks"]} blocks on {made["chip"]}')
    for name, ms in made['networks'].items():
      print(f'  {name}: {ms:.3f} ms')


def _parse(arguments: Sequence[str]) -> Any:
  parser = Parser(
    'measure',
    'Time every distinct block of a space or of networks on a device. Blocks '
    'measured before are not measured again.',
  )
  parser.add_argument('--space', help='name of a search space')
  parser.add_argument(
    '--arch', nargs='+', default=[], help="NAME, ARCH.json or 'SPEC STRING'"
  )
  parser.add_argument(
    '--device',
    default='host',
    help='host (LiteRT here), jax (the default JAX device), adb or adb:SERIAL '
    '(a phone); default host',
  )
  parser.add_argument('--out', required=True, help='the table, a .csv')
  parser.add_argument(
    '--dtype', default='float32', help='float32, float16, bfloat16 or int8'
  )
  parser.add_argument('--threads', type=int, help='of LiteRT; default 1')
  parser.add_argument('--delegate', choices=('xnnpack', 'none'))
  parser.add_argument('--cores', help='to pin to: 4 or 4,5')
  parser.add_argument(
    '--benchmark-model', help="TFLite's benchmark_model for the phone"
  )
  parser.add_argument(
    '--by',
    choices=('block', 'operation'),
    default='block',
    help='operation: time what blocks are composed of, for large spaces',
  )
  parser.add_argument(
    '--dry-run', action='store_true', help='only say what would be measured'
  )
  parser.add_shape()
  parser.add_json()
  args = parser.parse_args(arguments)
  if not args.space and not args.arch:
    raise UserError('Give --space=NAME, --arch NETWORK..., or both.')
  if args.width is not None and not args.arch:
    raise UserError('--width is of the networks of --arch; a space has none.')
  return args


def _conditions(args: Any) -> dict[str, Any]:
  """The conditions that were asked for."""
  asked = {
    'threads': args.threads,
    'xnnpack': args.delegate and args.delegate == 'xnnpack',
    'cores': args.cores and _cores(args.cores),
    'tool': args.benchmark_model,
  }
  return {name: value for name, value in asked.items() if value is not None}


def _cores(text: str) -> tuple[int, ...]:
  words = text.split(',')
  if not all(word.isdecimal() and len(word) < 5 for word in words):
    raise UserError(f'--cores {text!r} is not a list of numbers like 4,5.')
  cores = tuple(map(int, words))
  if len(set(cores)) < len(cores):
    raise UserError(f'--cores {text!r} names a core twice.')
  return cores
