"""`mobilenet-jax search`."""

from collections.abc import Sequence

from mobilenet_jax.cli.parsing import Parser, print_json


def run(arguments: Sequence[str]) -> None:
  """Runs the whole loop in a run folder."""
  parser = Parser(
    'search',
    'Measure, search, train, export, re-measure and report; the same command '
    'on the same folder resumes.',
  )
  args, config = parser.parse_job(arguments)

  from mobilenet_jax.core.cache import use_compilation_cache
  from mobilenet_jax.jobs import search, summary

  use_compilation_cache()
  results = search.run(config, args.workdir)
  if args.json:
    print_json(results)
    return
  print('\n'.join(summary.lines(results)))
  print(f'report: {args.workdir}/report.html')
