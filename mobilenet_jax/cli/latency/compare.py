"""`mobilenet-jax latency compare`."""

from collections.abc import Sequence
from pathlib import Path

from mobilenet_jax.cli.parsing import Parser, print_json
from mobilenet_jax.latency.compare import compare
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.report.comparison import check_format, draw


def run(arguments: Sequence[str]) -> None:
  """Says where two tables disagree."""
  parser = Parser(
    'latency compare',
    'Say, and with --plot draw, where two tables disagree, block by block.',
  )
  parser.add_argument('tables', nargs=2, help='FILE.csv or a shipped table')
  parser.add_argument('--plot', help='write a picture: .png, .svg or .pdf')
  parser.add_argument(
    '--most', type=int, default=20, help='blocks to print; default 20'
  )
  parser.add_json()
  args = parser.parse_args(arguments)
  if args.plot:
    check_format(args.plot)
  a, b = (LatencyTable.load(path) for path in args.tables)
  found = compare(a, b)
  if args.plot:
    names = (Path(args.tables[0]).stem, Path(args.tables[1]).stem)
    draw(found, names, args.plot)
  if args.json:
    print_json(
      {
        'pairs': [
          {'block': str(p.key), 'a_ms': p.a_ms, 'b_ms': p.b_ms}
          for p in found.pairs
        ],
        'ratio': found.ratio,
        'within_10_percent': found.within(0.1),
        'only_a': found.only_a,
        'only_b': found.only_b,
      }
    )
    return
  print(
    f'{len(found.pairs)} blocks in both, {found.only_a} only in '
    f'{args.tables[0]}, {found.only_b} only in {args.tables[1]}.'
  )
  print(
    f'Median ratio {found.ratio:.3f}; {found.within(0.1):.0%} of the blocks '
    'are within 10 % of it.\n'
  )
  print(f'{"kind":8} {"blocks":>7} {"10 %":>7} {"median":>7} {"90 %":>7}')
  for kind, (count, low, middle, high) in found.by_kind().items():
    print(f'{kind:8} {count:7} {low:7.3f} {middle:7.3f} {high:7.3f}')
  if args.most > 0:
    print(f'\n{"a ms":>9} {"b ms":>9} {"ratio":>7}  furthest from the median')
  for p in found.pairs[: max(args.most, 0)]:
    print(f'{p.a_ms:9.4f} {p.b_ms:9.4f} {p.ratio:7.3f}  {p.key}')
