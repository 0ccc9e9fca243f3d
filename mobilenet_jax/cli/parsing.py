"""Argument parsing that every command shares."""

import argparse
import json
from collections.abc import Sequence
from typing import Any, NoReturn

from ml_collections import FrozenConfigDict

from mobilenet_jax.core.config import load_config
from mobilenet_jax.core.errors import UserError


class Parser(argparse.ArgumentParser):
  """Raises `UserError` for a wrong argument, in one sentence."""

  def __init__(self, command: str, description: str):
    super().__init__(
      f'mobilenet-jax {command}', description=description, allow_abbrev=False
    )

  def error(self, message: str) -> NoReturn:
    """Overrides argparse's usage and exit."""
    text = message[0].upper() + message[1:]
    raise UserError(f'{text} (see {self.prog} --help).')

  def add_json(self) -> None:
    """Adds --json."""
    self.add_argument(
      '--json', action='store_true', help='print one JSON document'
    )

  def add_shape(self) -> None:
    """Adds --width, --resolution and --classes; None where not given."""
    self.add_argument('--width', type=float, help='multiplier; default 1')
    self.add_argument('--resolution', type=int, help='side in pixels')
    self.add_argument('--classes', type=int, help='default 1000')

  def parse_job(
    self, arguments: Sequence[str]
  ) -> tuple[argparse.Namespace, FrozenConfigDict]:
    """Parses --workdir, --json and a config with its overrides."""
    self.add_argument('--workdir', required=True, help='the run folder')
    self.add_argument(
      '--config', help='FILE.py[:argument]; --config.field=value overrides'
    )
    self.add_json()
    known, rest = self.parse_known_args(list(arguments))
    named = [f'--config={known.config}'] if known.config else []
    return known, load_config([*named, *rest])


def print_json(value: Any) -> None:
  """Prints one JSON document."""
  print(json.dumps(value, indent=2, allow_nan=False))
