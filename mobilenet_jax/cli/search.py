"""`mobilenet-jax search`."""

from collections.abc import Sequence

from mobilenet_jax.cli.parsing import Parser, print_json


def run(arguments: Sequence[str]) -> None:
  """Runs the whole loop in a run folder, or helps one with its trials."""
  parser = Parser(
    'search',
    'Measure, search, train, export, re-measure and report; the same command '
    'on the same folder resumes.',
  )
  parser.add_argument(
    '--storage',
    default='',
    help='of a multi-trial search: where the trials are, sqlite:///FILE or '
    'postgresql://USER@HOST/DATABASE; default trials.db of --workdir',
  )
  parser.add_argument(
    '--worker',
    action='store_true',
    help='take part in the trials of the search that runs in --workdir, until '
    'their budget is met',
  )
  args, config = parser.parse_job(arguments)

  from mobilenet_jax.core.cache import use_compilation_cache

  use_compilation_cache()
  if args.worker:
    from mobilenet_jax.jobs import workers

    done = workers.run(config, args.workdir, args.storage)
    if args.json:
      print_json(done)
    else:
      print(f'{done["worker"]}: {done["trials"]} trials')
    return
  from mobilenet_jax.jobs import search, summary

  results = search.run(config, args.workdir, args.storage)
  if args.json:
    print_json(results)
    return
  print('\n'.join(summary.lines(results)))
  print(f'report: {args.workdir}/report.html')
