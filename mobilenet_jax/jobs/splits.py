"""The data of a config."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mobilenet_jax.core import processes
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import read_json, write_json
from mobilenet_jax.core.progress import say
from mobilenet_jax.data.augment import make_augmentation
from mobilenet_jax.data.checks import check_labels
from mobilenet_jax.data.pipeline import check_batch
from mobilenet_jax.data.sources import Source, cache_in_memory, open_source


def open_split(data: Any, split: str) -> Source:
  """Opens a split of the data set that the `data` part of a config names; in
  memory where it fits.

  Raises:
    UserError: see `open_source`.
  """
  return cache_in_memory(
    open_source(data.name, split, data.dir or None, strict=data.strict, say=say)
  )


def open_training(data: Any, split: str, *batches: int) -> Source:
  """A split to train on, in batches of these sizes: checked.

  Raises:
    UserError: see `open_source`, `check_labels`, `check_batch`.
  """
  source, plan = open_split(data, split), make_augmentation(data.augment)
  for batch in batches:
    check_batch(source, batch, plan, (processes.index(), processes.count()))
  check_labels(source, say)
  return source


def remember(folder: Path, sources: Mapping[str, Source]) -> None:
  """Writes down what images a run has, or compares with what it had.

  Args:
    folder: of the run; gets `data.json`.
    sources: by what they are for.

  Raises:
    UserError: they are others than those that the run began with, or than
      those of another process.
  """
  path = folder / 'data.json'
  now = {
    name: {'images': len(source), 'fingerprint': source.fingerprint()}
    for name, source in sources.items()
  }
  for i, other in enumerate(processes.share(now)):
    if other != now:
      raise UserError(
        f'Processes {processes.index()} and {i} of this job read different '
        'images under the same name; every computer needs the same data.'
      )
  processes.from_first(lambda: _compare(path, now, sources))


def _compare(
  path: Path, now: dict[str, Any], sources: Mapping[str, Source]
) -> None:
  if not path.exists():
    write_json(path, now)
    return
  for name, before in read_json(path).items():
    if now.get(name) != before:
      source = sources[name]
      raise UserError(
        f'{source.name} {source.split!r} does not hold the images that the run '
        f'in {path.parent} began with ({before["images"]} then, {len(source)} '
        'now); bring them back, or use another --workdir.'
      )
