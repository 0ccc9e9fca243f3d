"""Checks every network of the zoo at its own resolution.

    .venv/bin/python experiments/zoo/check.py [--models NAME ...] [--latency]

For each, in a process of its own: init; the gradients of one training step in
float32; a forward pass in bfloat16; the TFLite export, compared with JAX.
Writes results.csv beside this file, a row as soon as it is known, and the
table of README.md. Rows that are there without an error are not run again.
"""

import argparse
import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / 'results.csv'
README = HERE / 'README.md'
MARK = '<!-- written by check.py -->\n'
FIELDS = (
  'name', 'resolution', 'params', 'macs', 'gradients', 'zero_gradients',
  'bfloat16_difference', 'tflite_bytes', 'tflite_difference', 'error',
)  # fmt: skip
BATCH = 4  # batch norm on pooled vectors passes no gradient to a batch of 2
TIMEOUT_SECONDS = 3600


def check(name: str, latency: bool) -> dict[str, Any]:
  """Returns a network's row; raises what went wrong."""
  import jax
  import numpy as np

  from mobilenet_jax.arch import count
  from mobilenet_jax.export.tflite import Interpreter, network_to_tflite
  from mobilenet_jax.measure.host import time_model
  from mobilenet_jax.models import get_arch
  from mobilenet_jax.models.builder import build, image_shape

  spec = get_arch(name)
  network, counts = build(spec), count(spec)
  rng = np.random.default_rng(0)
  images = rng.normal(size=image_shape(spec, BATCH)).astype(np.float32)
  variables, grads = gradients(network, images)
  row = {
    'name': name,
    'resolution': spec.resolution,
    'params': counts.params,
    'macs': counts.macs,
    **judge(grads),
  }
  variables = disturbed(variables, rng)
  one = images[:1]
  ours = np.asarray(jax.jit(network.apply)(variables, one))
  half = build(spec, dtype=jax.numpy.bfloat16)
  rough = np.asarray(jax.jit(half.apply)(variables, one))
  row['bfloat16_difference'] = difference(ours, rough)
  model = network_to_tflite(spec, variables)
  row['tflite_bytes'] = len(model)
  row['tflite_difference'] = difference(ours, Interpreter(model)(one))
  if latency:
    row['latency_ms'] = time_model(model).ms
  return row


def gradients(network: Any, images: Any) -> tuple[Any, Any]:
  """Fresh variables and the gradients of one training step."""
  import jax

  def step(key):
    variables = network.init(key, images)

    def loss(params):
      logits, _ = network.apply(
        {**variables, 'params': params},
        images,
        train=True,
        mutable=['batch_stats'],
      )
      return -jax.nn.log_softmax(logits)[:, 0].mean()

    return variables, jax.grad(loss)(variables['params'])

  # compiling takes longer than the one step
  quick = {'xla_backend_optimization_level': 0}
  return jax.jit(step, compiler_options=quick)(jax.random.key(0))


def judge(grads: Any) -> dict[str, int]:
  """Counts gradients; raises if one is not finite."""
  import jax
  import numpy as np

  leaves = jax.tree_util.tree_leaves_with_path(grads)
  for path, leaf in leaves:
    if not np.isfinite(leaf).all():
      raise ValueError(f'{jax.tree_util.keystr(path)} is not finite')
  zeros = sum(not np.any(leaf) for _, leaf in leaves)
  return {'gradients': len(leaves), 'zero_gradients': zeros}


def disturbed(variables: Any, rng: Any) -> Any:
  """Moves biases, scales and statistics off their 0 and 1."""
  import jax
  import numpy as np

  def move(leaf):
    noise = rng.normal(size=leaf.shape).astype(np.float32)
    return leaf + 0.1 * noise if leaf.ndim == 1 else leaf

  return jax.tree.map(move, jax.tree.map(np.asarray, variables))


def difference(a: Any, b: Any) -> float:
  """Largest difference, of the largest value."""
  import numpy as np

  found = float(np.abs(a - b).max() / np.abs(a).max())
  if not np.isfinite(found):
    raise ValueError('an output is not finite')
  return float(f'{found:.2g}')


def run(name: str, latency: bool) -> dict[str, Any]:
  """A network's row from a process of its own; errors are rows too."""
  command = [sys.executable, __file__, '--one', name]
  command += ['--latency'] * latency
  try:
    done = subprocess.run(
      command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS
    )
  except subprocess.TimeoutExpired:
    return {'name': name, 'error': f'not done in {TIMEOUT_SECONDS} s'}
  if done.returncode:
    lines = done.stderr.strip().splitlines() or ['']
    return {'name': name, 'error': f'{done.returncode}: {lines[-1][:300]}'}
  return json.loads(done.stdout.splitlines()[-1])


def read() -> dict[str, dict]:
  """Rows of results.csv by name."""
  if not RESULTS.exists():
    return {}
  with RESULTS.open(newline='') as file:
    return {row['name']: row for row in csv.DictReader(file)}


def write(rows: dict[str, dict], fields: tuple[str, ...]) -> None:
  """Writes results.csv and the table of README.md."""
  with RESULTS.open('w', newline='') as file:
    writer = csv.DictWriter(file, fields, lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows[name] for name in sorted(rows))
  head = README.read_text().split(MARK)[0]
  README.write_text(head + MARK + table(rows, fields))


def table(rows: dict[str, dict], fields: tuple[str, ...]) -> str:
  """The rows as Markdown."""
  lines = [fields, ('---',) * len(fields)]
  lines += [
    tuple(str(rows[name].get(field, '')) for field in fields)
    for name in sorted(rows)
  ]
  return '\n'.join(f'| {" | ".join(line)} |' for line in lines) + '\n'


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--models', nargs='+', help='all where not given')
  parser.add_argument(
    '--latency', action='store_true', help='on a computer at rest only'
  )
  parser.add_argument('--one', help=argparse.SUPPRESS)
  args = parser.parse_args()
  if args.one:
    print(json.dumps(check(args.one, args.latency)))
    return
  from mobilenet_jax.arch import count
  from mobilenet_jax.models import get_arch, list_models

  fields = (*FIELDS, *['latency_ms'] * args.latency)
  names = args.models or list_models()
  rows = read()
  for name in sorted(names, key=lambda n: count(get_arch(n)).macs):
    known = rows.get(name, {'error': 'new'})
    if known['error'] or not all(known.get(f) for f in fields if f != 'error'):
      rows[name] = dict.fromkeys(fields, '') | run(name, args.latency)
      write(rows, fields)
      print(table({name: rows[name]}, fields).splitlines()[-1], flush=True)
  failed = [name for name in names if rows[name]['error']]
  print(f'{len(names) - len(failed)} networks are right, wrong: {failed}')


if __name__ == '__main__':
  main()
