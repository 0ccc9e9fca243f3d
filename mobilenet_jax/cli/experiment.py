"""`mobilenet-jax experiment`."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from mobilenet_jax.core.errors import JobError, UserError, did_you_mean

FOLDER = Path(__file__).parents[2] / 'experiments'


def run(arguments: Sequence[str]) -> None:
  """Runs experiments/NAME/run.py of the checkout with the other arguments."""
  names = sorted(path.parent.name for path in FOLDER.glob('*/run.py'))
  if not names:
    raise UserError(
      'Experiments are not installed with the package: clone the repository.'
    )
  if not arguments or arguments[0] in ('-h', '--help'):
    print('usage: mobilenet-jax experiment NAME [arguments]')
    print(f'\nNAME is one of {", ".join(names)}; NAME --help tells more.')
    return
  name, *rest = arguments
  if name not in names:
    raise UserError(f'Unknown experiment {name!r}.{did_you_mean(name, names)}')
  command = [sys.executable, str(FOLDER / name / 'run.py'), *rest]
  status = subprocess.run(command).returncode
  if status == 2:
    raise UserError(f'Experiment {name} refuses its arguments.')
  if status:
    raise JobError(f'Experiment {name} ended with status {status}.')
