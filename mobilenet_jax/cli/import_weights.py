"""`mobilenet-jax import-weights`."""

from collections.abc import Sequence

from mobilenet_jax.arch import count, to_string
from mobilenet_jax.cli.parsing import Parser, print_json


def run(arguments: Sequence[str]) -> None:
  """Turns weights of another library into a file of ours."""
  parser = Parser(
    'import-weights', 'Turn weights of another library into ours.'
  )
  parser.add_argument('name', help="of the zoo, or the library's name")
  parser.add_argument(
    '--source',
    required=True,
    help='torchvision, timm, transformers, keras, slim or mobilenet_jax',
  )
  parser.add_argument('--path', required=True, help='a file, or a hub name')
  parser.add_argument('--out', required=True, help='ours, a .safetensors')
  parser.add_argument('--width', type=float, help='multiplier; 1 if not given')
  parser.add_json()
  args = parser.parse_args(arguments)

  import jax

  from mobilenet_jax.models.pretrained import load_pretrained, save_weights
  from mobilenet_jax.models.pretrained.own import check_name

  check_name(args.out)
  found = load_pretrained(args.name, args.source, args.path, width=args.width)
  save_weights(args.out, found.spec, found.variables, found.labels)
  result = {
    'name': found.spec.name,
    'source': args.source,
    'path': args.path,
    'out': args.out,
    'tensors': len(jax.tree.leaves(found.variables)),
    'params': count(found.spec).params,
    'classes': found.spec.num_classes,
    'arch': to_string(found.spec),
  }
  if args.json:
    print_json(result)
    return
  print(
    f'{args.out}: {result["name"]} of {args.source}, {result["tensors"]} '
    f'tensors, {result["params"]:,} parameters, {result["classes"]} classes'
  )
