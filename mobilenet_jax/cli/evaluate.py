"""`mobilenet-jax evaluate`."""

from collections.abc import Sequence

from mobilenet_jax.cli.parsing import Parser, print_json


def run(arguments: Sequence[str]) -> None:
  """Evaluates the trained network of a run folder."""
  parser = Parser('evaluate', 'Evaluate the trained network of a run folder.')
  parser.add_argument('--workdir', required=True, help='of a train or search')
  parser.add_argument('--split', help="the config's test split by default")
  parser.add_json()
  args = parser.parse_args(arguments)

  from mobilenet_jax.core.cache import use_compilation_cache
  from mobilenet_jax.jobs import trained

  use_compilation_cache()
  result = trained.evaluate(args.workdir, args.split)
  if args.json:
    print_json(result)
    return
  print(
    f'{result["name"]} on {result["split"]} ({result["images"]:,} images): '
    f'accuracy {result["accuracy"]:.2%}, loss {result["loss"]:.4f}'
  )
