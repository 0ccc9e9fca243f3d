"""`mobilenet-jax report`."""

from collections.abc import Sequence

from mobilenet_jax.cli.parsing import Parser, print_json


def run(arguments: Sequence[str]) -> None:
  """Writes the report of a run folder again."""
  parser = Parser('report', 'Write report.html of a finished search again.')
  parser.add_argument('--workdir', required=True, help='of a search')
  parser.add_json()
  args = parser.parse_args(arguments)

  from mobilenet_jax.report.page import write_report

  path = write_report(args.workdir)
  if args.json:
    print_json({'report': str(path)})
  else:
    print(path)
