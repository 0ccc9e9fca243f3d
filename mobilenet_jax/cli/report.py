"""`mobilenet-jax report`."""

from collections.abc import Sequence

from mobilenet_jax.cli.parsing import Parser


def run(arguments: Sequence[str]) -> None:
  """Writes the report of a run folder again."""
  parser = Parser('report', 'Write report.html of a finished search again.')
  parser.add_argument('--workdir', required=True, help='of a search')
  args = parser.parse_args(arguments)

  from mobilenet_jax.report.page import write_report

  print(write_report(args.workdir))
