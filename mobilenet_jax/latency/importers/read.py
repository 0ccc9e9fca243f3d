"""Files from elsewhere, read with suspicion: no pickles, nothing twice."""

import json
from pathlib import Path
from typing import Any

import yaml

from mobilenet_jax.core.errors import UserError

MOST_BYTES = 64 << 20
MOST_YAML_BYTES = 4 << 20  # a minute's work for the parser
PICKLES = ('.pickle', '.pkl', '.pt', '.pth', '.npy', '.npz')
MAGIC = (b'\x80', b'\x93NUMPY')  # of pickles, and of arrays that may hold one
ZIP = b'PK\x03\x04'


def read_text(path: Path) -> str:
  """Returns the text of a file.

  Raises:
    UserError: it cannot be read, is too large, is no text, or is a pickle,
      whatever it is called.
  """
  try:
    with path.open('rb') as file:
      data = file.read(MOST_BYTES + 1)
  except OSError as error:
    raise UserError(f'Cannot read {path}: {error.strerror}.') from error
  if path.suffix.lower() in PICKLES or data.startswith(MAGIC):
    raise UserError(
      f'{path} is a pickle, and a pickle runs code when it is read: ask for '
      'the table as JSON.'
    )
  if data.startswith(ZIP):
    raise UserError(f'{path} is a zip archive: unpack it and import the file.')
  if len(data) > MOST_BYTES:
    raise UserError(f'{path} is larger than {MOST_BYTES >> 20} MB.')
  try:
    return data.decode('utf-8-sig').replace('\r\n', '\n')
  except UnicodeDecodeError as error:
    raise UserError(f'{path} is not text.') from error


def parse_json(text: str, where: str) -> Any:
  """Reads JSON in which no name stands twice in an object."""
  try:
    return json.loads(
      text, parse_constant=_no_constant, object_pairs_hook=_once
    )
  except RecursionError as error:
    raise UserError(f'{where} is nested too deep.') from error
  except ValueError as error:
    raise UserError(f'{where} is not valid JSON: {error}.') from error


def _no_constant(name: str) -> None:
  raise ValueError(f'{name} is no number')


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
  found: dict[str, Any] = {}
  for name, value in pairs:
    if name in found:
      raise ValueError(f'{name!r} stands twice')
    found[name] = value
  return found


class _Loader(yaml.SafeLoader):
  """Plain data, without aliases, and no key twice."""

  def compose_node(self, parent: Any, index: Any) -> Any:
    if self.check_event(yaml.AliasEvent):
      raise yaml.YAMLError('it has an alias')
    return super().compose_node(parent, index)

  def construct_mapping(self, node: Any, deep: bool = False) -> dict:
    seen = set()
    for part, _ in node.value:
      if not isinstance(part, yaml.ScalarNode) or part.value in seen:
        what = getattr(part, 'value', 'a list')
        raise yaml.YAMLError(f'{what!r} stands twice or is no text')
      seen.add(part.value)
    return super().construct_mapping(node, deep)


def parse_yaml(text: str, where: str) -> Any:
  """Reads plain YAML in which no key stands twice in a mapping."""
  if len(text) > MOST_YAML_BYTES:
    raise UserError(f'{where} is larger than {MOST_YAML_BYTES >> 20} MB.')
  try:
    return yaml.load(text, _Loader)
  except RecursionError as error:
    raise UserError(f'{where} is nested too deep.') from error
  except (yaml.YAMLError, ValueError) as error:
    first = ' '.join(str(error).split())
    raise UserError(f'{where} is not plain YAML: {first}.') from error
