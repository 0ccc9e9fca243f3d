"""From a path or a hub name to files on this computer."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import read_json
from mobilenet_jax.models.pretrained.checkpoint import is_checkpoint
from mobilenet_jax.models.pretrained.read import FORMATS

NAME = re.compile(r'(?:hf[-_]hub:)?([\w.-]+/[\w.-]+?)(?:@([\w.-]+))?')
FILES = ('model.safetensors', 'pytorch_model.bin')
SETTINGS = ('config', 'preprocessor_config')


@dataclass(frozen=True)
class Found:
  """A file of weights and what was beside it.

  Attributes:
    path: the file.
    settings: its neighbours config.json and preprocessor_config.json.
    name: of the model by the name of its repository or file.
  """

  path: Path
  name: str
  settings: dict[str, Any] = field(default_factory=dict)


def find(path: str | os.PathLike) -> Found:
  """Returns a local file, or fetches a hub's: 'timm/mobilenetv2_100.ra_in1k'.

  Raises:
    UserError: there is neither, no network, or no `huggingface_hub`.
  """
  local = Path(path).expanduser()
  name = NAME.fullmatch(str(path))
  if local.is_dir():
    local = next((local / f for f in FILES if (local / f).is_file()), local)
  if local.is_file():
    return Found(local, local.name, _beside(local.parent))
  if local.is_dir():
    raise UserError(f'The folder {local} has none of {", ".join(FILES)}.')
  if is_checkpoint(local) or not name or local.suffix.lower() in FORMATS:
    return Found(local, local.name)
  repository, revision = name.groups()
  return _fetch(repository, revision)


def _beside(folder: Path) -> dict[str, Any]:
  """Settings beside a local file; none where they are something else."""
  found = {}
  for name in SETTINGS:
    file = folder / f'{name}.json'
    if file.is_file():
      value = read_json(file, limit_mb=4)
      if isinstance(value, dict):
        found[name] = value
  return found


def _fetch(repository: str, revision: str | None) -> Found:
  try:
    import huggingface_hub as hub
    from huggingface_hub import errors
  except ImportError as error:
    raise UserError(
      f'There is no file {repository}, and fetching it from a hub needs '
      'huggingface_hub: install mobilenet-jax[hub].'
    ) from error

  def download(file: str) -> Path | None:
    try:
      return Path(hub.hf_hub_download(repository, file, revision=revision))
    except errors.LocalEntryNotFoundError:
      raise
    except errors.EntryNotFoundError:
      return None

  try:
    weights = next(filter(None, map(download, FILES)), None)
    for name in SETTINGS:
      download(f'{name}.json')
  except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError) as e:
    raise UserError(
      f'There is no file {repository}, nor has the hub such a model '
      f'({type(e).__name__}).'
    ) from e
  except Exception as error:  # whatever the client's network layer raises
    raise UserError(
      f'There is no file {repository}, and it cannot be fetched from the hub: '
      f'no network, or no answer ({type(error).__name__}).'
    ) from error
  if weights is None:
    raise UserError(f'{repository} has none of {", ".join(FILES)}.')
  return Found(weights, repository.split('/')[1], _beside(weights.parent))
