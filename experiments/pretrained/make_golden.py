"""Compares imported weights with the libraries themselves; writes the goldens.

    python -m experiments.pretrained.make_golden [--only PART] [--write]

For every case of tests/models/pretrained/cases.py: fills the library's network
by a formula, batch statistics too, runs it on two images, imports the same
tensors and runs ours. Prints a line each, and with --write stores the names,
shapes and first logits, from which the tests repeat it without the libraries.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from experiments.pretrained.peers import PEERS
from mobilenet_jax.core.files import write_text
from mobilenet_jax.models.pretrained import load_pretrained
from tests.models.pretrained.cases import CASES, Case
from tests.models.pretrained.files import difference, logits, write

GOLDEN = Path(__file__).parents[2] / 'tests/models/pretrained/golden'
LIMIT = 1e-4
KEPT = 16  # logits of an image in a golden file


def compare(case: Case) -> tuple[dict, float, float]:
  """Returns (golden, relative difference, difference between two images)."""
  tensors, theirs = PEERS[case.source](case)
  with tempfile.TemporaryDirectory() as folder:
    path = write(Path(folder), case.source, tensors)
    found = load_pretrained(case.name, case.source, path)
  assert found.spec.num_classes == case.classes, found.spec
  ours = logits(found, case.side)
  golden = {
    **case._asdict(),
    'tensors': {name: list(array.shape) for name, array in tensors.items()},
    'logits': [[float(f'{x:.7g}') for x in row[:KEPT]] for row in theirs],
    'norms': [float(f'{x:.7g}') for x in np.linalg.norm(theirs, axis=1)],
  }
  apart = float(np.abs(theirs[0] - theirs[1]).max() / np.abs(theirs).max())
  return golden, difference(ours, theirs), apart


def main() -> None:
  """Prints a table; exits with an error where a case is off."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--only', default='', help='part of SOURCE_NAME')
  parser.add_argument('--write', action='store_true')
  args = parser.parse_args()
  off = []
  print('| source | model | ours | px | difference | images apart |')
  print('|---|---|---|---|---|---|', flush=True)
  for case in CASES:
    if args.only not in f'{case.source}_{case.name}':
      continue
    golden, far, apart = compare(case)
    wide = '' if case.width == 1 else f' {case.width:g}'
    print(
      f'| {case.source} | {case.name} | {case.ours}{wide} | {case.side} '
      f'| {far:.1e} | {apart:.2f} |',
      flush=True,
    )
    if not far < LIMIT:
      off.append(case.name)
    elif args.write:
      text = json.dumps(golden, separators=(',', ':'))
      write_text(GOLDEN / case.file, text + '\n')
  if off:
    raise SystemExit(f'off by more than {LIMIT}: {", ".join(off)}')


if __name__ == '__main__':
  main()
