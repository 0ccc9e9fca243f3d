"""`mobilenet-jax measure`."""

from collections.abc import Sequence

from mobilenet_jax.cli.parsing import Parser, print_json
from mobilenet_jax.core.errors import UserError


def run(arguments: Sequence[str]) -> None:
  """Writes a latency table of this computer."""
  parser = Parser(
    'measure',
    'Time every distinct block of a space or of networks on this computer '
    '(LiteRT, one thread). Blocks measured before are not measured again.',
  )
  parser.add_argument('--space', help='name of a search space')
  parser.add_argument(
    '--arch', nargs='+', default=[], help="NAME, ARCH.json or 'SPEC STRING'"
  )
  parser.add_argument('--out', required=True, help='the table, a .csv')
  parser.add_shape()
  parser.add_json()
  args = parser.parse_args(arguments)
  if not args.space and not args.arch:
    raise UserError('Give --space=NAME, --arch NETWORK..., or both.')

  from mobilenet_jax.jobs.measuring import measure

  made = measure(
    args.out,
    space=args.space,
    networks=args.arch,
    width=args.width,
    resolution=args.resolution,
    num_classes=args.classes,
  )
  if args.json:
    print_json(made)
    return
  print(f'{made["table"]}: {made["blocks"]} blocks on {made["chip"]}')
  for name, ms in made['networks'].items():
    print(f'  {name}: {ms:.3f} ms')
