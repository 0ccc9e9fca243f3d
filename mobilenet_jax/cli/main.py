"""`mobilenet-jax COMMAND ...`: finds the command, runs it, reports errors."""

import importlib
import sys
from collections.abc import Sequence

from mobilenet_jax.core.errors import (
  JobError,
  Terminated,
  UserError,
  did_you_mean,
)
from mobilenet_jax.core.files import FULL
from mobilenet_jax.core.memory import use_huge_pages

COMMANDS = {
  'list': 'the networks of the zoo with their parameters and multiply-adds',
  'summary': 'a network layer by layer',
  'space': 'the search spaces: size, decisions, bounds, coverage, a drawing',
  'measure': 'time the blocks of a space or a network on a device',
  'latency': 'price networks; compare, import and calibrate latency tables',
  'search': 'the whole loop: measure, search, train, export, report',
  'refine': 'narrow a trained network down to a latency',
  'train': 'train a network and evaluate it',
  'evaluate': 'evaluate a run, a file of weights or a .tflite on a data set',
  'predict': 'name what image files show',
  'data': 'check a data set and show samples of it',
  'import-weights': 'turn weights of another library into ours',
  'export': 'write the network of a run folder as TFLite',
  'experiment': 'repeat a measurement of experiments/',
  'report': 'compare runs on one page; write the report of a search again',
}
TRAINING = ('search', 'refine', 'train')  # steps of many large activations


def main(argv: Sequence[str] | None = None) -> int:
  """Runs a command line.

  Returns:
    0 done, 1 the job failed, 2 the user's input is wrong, 130 interrupted,
    143 stopped by SIGTERM (128 + 15, as schedulers count: neither done nor
    failed); a run that was training has saved a checkpoint before it left.
  """
  arguments = list(sys.argv[1:] if argv is None else argv)
  if argv is None and arguments[:1] and arguments[0] in TRAINING:
    use_huge_pages()
  if not arguments or arguments[0] in ('-h', '--help'):
    print(usage())
    return 0
  name, *rest = arguments
  if name == '--version':
    from mobilenet_jax import __version__

    print(f'mobilenet-jax {__version__}')
    return 0
  try:
    if name not in COMMANDS:
      raise UserError(
        f'Unknown command {name!r}.{did_you_mean(name, COMMANDS)}'
      )
    module = f'mobilenet_jax.cli.{name.replace("-", "_")}'
    importlib.import_module(module).run(rest)
  except UserError as error:
    print(f'mobilenet-jax: {error}', file=sys.stderr)
    return 2
  except JobError as error:
    print(f'mobilenet-jax: {error}', file=sys.stderr)
    return 1
  except Terminated as error:
    print(f'mobilenet-jax: {error}', file=sys.stderr)
    return 143
  except KeyboardInterrupt:
    print(
      'mobilenet-jax: interrupted; run it again to resume.', file=sys.stderr
    )
    return 130
  except BrokenPipeError:  # the reader of our output has left
    sys.stderr.close()
    return 1
  except OSError as error:
    if error.errno not in FULL:
      raise
    print(f'mobilenet-jax: no space left: {error}.', file=sys.stderr)
    return 1
  return 0


def usage() -> str:
  """The text of --help."""
  rows = [f'  {name:16}{text}' for name, text in COMMANDS.items()]
  return '\n'.join(
    [
      'usage: mobilenet-jax COMMAND [arguments]',
      '',
      *rows,
      '',
      'mobilenet-jax COMMAND --help tells its arguments.',
    ]
  )
