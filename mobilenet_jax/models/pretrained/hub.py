"""From a path or a hub name to files on this computer."""

import contextlib
import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import read_json
from mobilenet_jax.models.pretrained.checkpoint import is_checkpoint
from mobilenet_jax.models.pretrained.read import FORMATS

NAME = re.compile(r'(?:hf[-_]hub:)?([\w.-]+/[\w.-]+?)(?:@([\w.-]+))?')
FILES = ('model.safetensors', 'pytorch_model.bin')
ANSWER = 10.0  # seconds that the hub has for it


@dataclass(frozen=True)
class Found:
  """A file of weights and what was beside it.

  Attributes:
    path: the file.
    name: of the model by the name of its repository or file.
    settings: its neighbours, such as config.json as 'config'.
  """

  path: Path
  name: str
  settings: dict[str, Any] = field(default_factory=dict)


def find(path: str | os.PathLike, beside: Sequence[str] = ()) -> Found:
  """Returns a local file, or fetches a hub's: 'timm/mobilenetv2_100.ra_in1k'.

  What the hub's client has already is not asked for again.

  Args:
    path: of the file, or a hub name.
    beside: the neighbours that are settings, as ('config',); those that do
      not exist are left out.

  Raises:
    UserError: there is neither, no network, or no `huggingface_hub`.
  """
  local = Path(path).expanduser()
  name = NAME.fullmatch(str(path))
  if local.is_dir():
    local = next((local / f for f in FILES if (local / f).is_file()), local)
  if local.is_file():
    files = {name: local.parent / f'{name}.json' for name in beside}
    return Found(local, local.name, _read(files))
  if local.is_dir():
    raise UserError(f'The folder {local} has none of {", ".join(FILES)}.')
  if is_checkpoint(local) or not name or local.suffix.lower() in FORMATS:
    return Found(local, local.name)
  repository, revision = name.groups()
  return _fetch(repository, revision, beside)


def _read(files: dict[str, Path]) -> dict[str, Any]:
  """Settings by name; without those that are missing or something else."""
  found = {}
  for name, file in files.items():
    if file.is_file():
      value = read_json(file, limit_mb=4)
      if isinstance(value, dict):
        found[name] = value
  return found


def _fetch(
  repository: str, revision: str | None, beside: Sequence[str]
) -> Found:
  try:
    from huggingface_hub import errors
  except ImportError as error:
    raise UserError(
      f'There is no file {repository}, and fetching it from a hub needs '
      'huggingface_hub: install mobilenet-jax[hub].'
    ) from error
  download = _downloader(repository, revision)
  try:
    with _quiet():
      weights = next(filter(None, map(download, FILES)), None)
      files = {name: download(f'{name}.json') for name in beside}
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
  name = repository.split('/')[1]
  return Found(weights, name, _read({k: v for k, v in files.items() if v}))


def _downloader(
  repository: str, revision: str | None
) -> Callable[[str], Path | None]:
  """Returns what gets a file of a repository; None where it has no such."""
  import huggingface_hub as hub
  from huggingface_hub import errors

  def download(file: str) -> Path | None:
    cached = hub.try_to_load_from_cache(repository, file, revision=revision)
    if isinstance(cached, str):
      return Path(cached)
    if cached is not None:  # known not to exist
      return None
    url = hub.hf_hub_url(repository, file, revision=revision)
    # without a network the client would try again for half a minute; an error
    # of HTTP is an answer, too
    with contextlib.suppress(errors.HfHubHTTPError):
      hub.get_hf_file_metadata(url, timeout=ANSWER)
    try:
      return Path(hub.hf_hub_download(repository, file, revision=revision))
    except errors.LocalEntryNotFoundError:
      raise
    except errors.EntryNotFoundError:
      return None

  return download


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
  """Keeps the client's warnings off the terminal; its errors come as ours."""
  logger = logging.getLogger('huggingface_hub')
  level = logger.level
  logger.setLevel(logging.ERROR)
  try:
    yield
  finally:
    logger.setLevel(level)
