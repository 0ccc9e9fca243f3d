"""`mobilenet-jax refine`."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mobilenet_jax.cli.parsing import Parser, print_json

# the argument, and the field of the config that it is short for
SHORT = {
  'arch': 'model.name', 'weights': 'model.weights',
  'target_ms': 'latency.target_ms',
}  # fmt: skip


def run(arguments: Sequence[str]) -> None:
  """Narrows a trained network down to a latency."""
  parser = Parser(
    'refine',
    'Narrow a trained network, step by step, down to a latency (NetAdapt); '
    'the same command on the same folder resumes.',
  )
  parser.add_argument('--arch', help="NAME, ARCH.json, run or 'SPEC STRING'")
  parser.add_argument('--weights', help='a run folder or a file')
  parser.add_argument('--target_ms', type=float, help='milliseconds to reach')
  parser.add_argument('--workdir', help='the run folder; runs/... by default')
  parser.add_argument(
    '--config', help='FILE.py[:argument]; --config.field=value overrides'
  )
  parser.add_json()
  args, rest = parser.parse_known_args(list(arguments))

  from mobilenet_jax.core.cache import use_compilation_cache
  from mobilenet_jax.core.config import load_config
  from mobilenet_jax.jobs import refine
  from mobilenet_jax.jobs.refine_defaults import refine_config

  named = [f'--config={args.config}'] if args.config else []
  values = vars(args)
  for name, field in SHORT.items():
    if values[name] is not None:
      rest.append(f'--config.{field}={values[name]}')
  config = load_config([*named, *rest], refine_config())
  workdir = args.workdir or _workdir(config)
  use_compilation_cache()
  result = refine.run(config, workdir)
  if args.json:
    print_json(result)
    return
  print('\n'.join(_lines(result, workdir)))


def _workdir(config: Any) -> str:
  """runs/WEIGHTS-TARGETms."""
  model = config.model
  path = Path(model.weights or model.name)
  text = re.sub(r'[^\w.-]+', '_', path.name.split('@')[0])
  return f'runs/{text}-{config.latency.target_ms:g}ms'


def _lines(result: dict[str, Any], workdir: str) -> list[str]:
  seed, path = result['seed'], f'proposals.jsonl, {result["picture"]}'
  before, after = (
    f'{ms:.4g} ms, test accuracy {test["accuracy"]:.2%}'
    for ms, test in (
      (seed['ms'], seed['test']), (result['priced_ms'], result['test']),
    )
  )  # fmt: skip
  count = f'{result["iterations"]} iterations, {result["proposals"]} proposals'
  return [
    f'seed: {before}',
    f'{result["name"]}: {after} ({count})',
    result['arch'],
    f'in {workdir}: arch.json, checkpoints, {path}',
  ]
