"""Config files: `--config=FILE.py[:arg]` and `--config.field=value`.

A config file is Python with a `get_config([arg])` that returns an
`ml_collections.ConfigDict`; it is the user's own code and is run as such.
"""

from collections.abc import Sequence
from typing import Any

from absl import flags
from ml_collections import ConfigDict, FrozenConfigDict, config_flags

from mobilenet_jax.core.errors import UserError


def load_config(
  arguments: Sequence[str], default: ConfigDict | None = None
) -> FrozenConfigDict:
  """Reads the config that command-line arguments name and override.

  Args:
    arguments: '--config=FILE.py[:arg]' and any '--config.field=value'.
    default: the config where none is named; None: one must be.

  Raises:
    UserError: no such file, unknown field, value of the wrong type, or the
      file itself raises.
  """
  values = flags.FlagValues()
  argv = ['mobilenet-jax', *arguments]
  named = any(a == '--config' or a.startswith('--config=') for a in arguments)
  if not named and default is None:
    raise UserError('This command needs --config=FILE.py[:argument].')
  try:
    if named or default is None:
      config_flags.DEFINE_config_file(
        'config', flag_values=values, sys_argv=argv
      )
    else:
      config_flags.DEFINE_config_dict(
        'config', default, flag_values=values, sys_argv=argv
      )
    rest = values(argv)[1:]
    config = values.config
    getattr(config, 'keys', None)  # raises where the file was not read
  except (
    flags.Error,
    AttributeError,
    KeyError,
    TypeError,
    ValueError,
  ) as error:
    raise UserError(_sentence(error, argv)) from error
  except OSError as error:
    raise UserError(f'Cannot read the config file: {_last(error)}.') from error
  except Exception as error:  # the file is the user's code: anything may come
    kind = type(error).__name__
    raise UserError(
      f'The config file raises {kind}: {_last(error)}.'
    ) from error
  if rest:
    raise UserError(f'Unknown argument {rest[0]!r}.')
  if not isinstance(config, ConfigDict):
    raise UserError('get_config() of the config file returns no ConfigDict.')
  return FrozenConfigDict(config)


def to_plain(config: Any) -> Any:
  """Returns a config as dicts, lists and plain values, as JSON has them."""
  if isinstance(config, ConfigDict | FrozenConfigDict | dict):
    return {str(k): to_plain(v) for k, v in config.items()}
  if isinstance(config, list | tuple):
    return [to_plain(v) for v in config]
  return config


def differences(a: Any, b: Any, prefix: str = '') -> list[str]:
  """Where two plain configs differ: 'field: value in a / value in b'."""
  if isinstance(a, dict) and isinstance(b, dict):
    names = dict.fromkeys([*a, *b])
    found = []
    for name in names:
      inner = f'{prefix}.{name}' if prefix else name
      found += differences(a.get(name), b.get(name), inner)
    return found
  return [] if a == b else [f'{prefix}: {a!r} / {b!r}']


def _last(error: BaseException) -> str:
  lines = str(error).strip().splitlines() or ['']
  return lines[-1].strip().rstrip('.')


def _sentence(error: Exception, argv: Sequence[str]) -> str:
  if 'Traceback' in str(error):  # of get_config(), quoted by the library
    return f'Config: {_last(error).partition(": ")[2]}.'
  text = ' '.join(str(error).split())
  if isinstance(error, AttributeError):
    text = text.strip('"\'').replace("\\'", "'")
    unknown, _, hint = text.partition('Did you mean')
    name = unknown.strip(' \'"\\n')
    hint = hint.split('instead')[0].strip().strip('"')
    at = next((a for a in argv if name in a.split('=')[0]), f'--config.{name}')
    hint = f' Did you mean {hint!r}?' if hint else ''
    return f'Unknown config field in {at.split("=")[0]!r}.{hint}'
  return f'Config: {text.rstrip(".")}.'
