"""`mobilenet-jax export`."""

from collections.abc import Sequence

from mobilenet_jax.cli.parsing import Parser, print_json


def run(arguments: Sequence[str]) -> None:
  """Writes the trained network of a run folder as TFLite."""
  parser = Parser('export', 'Write the network of a run folder as TFLite.')
  parser.add_argument('--workdir', required=True, help='of a train or search')
  parser.add_argument('--out', required=True, help='the model, a .tflite')
  parser.add_json()
  args = parser.parse_args(arguments)

  from mobilenet_jax.core.cache import use_compilation_cache
  from mobilenet_jax.jobs import trained

  use_compilation_cache()
  result = trained.export(args.workdir, args.out)
  if args.json:
    print_json(result)
    return
  print(
    f'{args.out}: {result["bytes"]:,} bytes; largest difference from JAX on '
    f'{result["images"]} test images {result["max_difference"]:.2g}, same '
    f'answers {result["same_answers"]:.1%}'
  )
