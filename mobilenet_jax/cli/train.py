"""`mobilenet-jax train`."""

from collections.abc import Sequence

from mobilenet_jax.cli.parsing import Parser, print_json


def run(arguments: Sequence[str]) -> None:
  """Trains a network in a run folder."""
  parser = Parser(
    'train',
    'Train a network and evaluate it; the same command on the same folder '
    'resumes.',
  )
  args, config = parser.parse_job(arguments)

  from mobilenet_jax.core.cache import use_compilation_cache
  from mobilenet_jax.core.distributed import joined
  from mobilenet_jax.core.processes import is_first
  from mobilenet_jax.jobs import training

  use_compilation_cache()
  with joined():
    result = training.run(config, args.workdir)
    speaks = is_first()
  if not speaks:
    return
  if args.json:
    print_json(result)
    return
  print(f'{result["name"]}: test accuracy {result["test"]["accuracy"]:.2%}')
