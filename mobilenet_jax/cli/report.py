"""`mobilenet-jax report`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobilenet_jax.cli.parsing import Parser, print_json
from mobilenet_jax.cli.tables import table
from mobilenet_jax.core.errors import UserError

if TYPE_CHECKING:
  from mobilenet_jax.report.entries import Entry

DEFAULT = 'compare.html'


def run(arguments: Sequence[str]) -> None:
  """Compares runs, or writes the report of a finished search again."""
  parser = Parser(
    'report',
    'Compare runs on one page; of a single finished search, write its own '
    'report.html again.',
  )
  parser.add_argument(
    'runs', nargs='*', metavar='RUN', help='of a train or search, or parts'
  )
  parser.add_argument('--workdir', help='of a finished search')
  parser.add_argument(
    '--out',
    metavar='FILE',
    help=f"the comparison; {DEFAULT}, or a single run's report.html",
  )
  parser.add_json()
  args = parser.parse_args(arguments)
  if bool(args.runs) == bool(args.workdir):
    raise UserError('Name runs, or a search by --workdir (not both).')
  if args.workdir and args.out:
    raise UserError('--out goes with RUN, not with --workdir.')

  from mobilenet_jax.report.entries import is_finished_search, read_entries

  single = args.workdir or (args.runs[0] if len(args.runs) == 1 else '')
  if args.workdir or (single and not args.out and is_finished_search(single)):
    _search(single, args.json)
    return
  entries = read_entries(args.runs)

  from mobilenet_jax.report.overview import write_comparison

  out = Path(single) / 'report.html' if single else Path(DEFAULT)
  path = write_comparison(entries, args.out or out)
  if args.json:
    print_json(_as_json(path, entries))
  else:
    print(_text(entries))
    print(path)


def _search(folder: str, json: bool) -> None:
  from mobilenet_jax.report.page import write_report

  path = write_report(folder)
  if json:
    print_json({'report': str(path)})
  else:
    print(path)


def _as_json(path: Path, entries: Sequence['Entry']) -> dict[str, Any]:
  from mobilenet_jax.report.entries import differences

  rows = [
    {
      'run': entry.label,
      'name': entry.name,
      'arch': entry.arch,
      'params': entry.params,
      'macs': entry.macs,
      'test': entry.test,
      'best_validation': entry.best_validation,
      'step': entry.step,
      'steps': entry.steps,
      'finished': entry.finished,
    }
    for entry in entries
  ]
  return {
    'report': str(path),
    'runs': rows,
    'differences': differences(entries),
  }


def _text(entries: Sequence['Entry']) -> str:
  from mobilenet_jax.core.text import printable
  from mobilenet_jax.report.overview import cautions, cells, columns, settings

  names = columns(entries)
  rows = [(e.label, e.name or '-', *cells(e, names)) for e in entries]
  lines = [table(('<run', '<network', *names), rows)]
  found = settings(entries)
  if found:
    grid = [[printable(cell) for cell in row] for row in (found[0], *found[1])]
    heads = [f'<{name}' for name in grid[0]]
    lines += ['', table(heads, grid[1:])]
  return '\n'.join([*lines, *map(printable, cautions(entries))])
