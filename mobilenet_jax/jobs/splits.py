"""The data of a config."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from mobilenet_jax.core import processes
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import read_json, write_json
from mobilenet_jax.core.progress import say
from mobilenet_jax.core.text import counted
from mobilenet_jax.data.augment import make_augmentation
from mobilenet_jax.data.batches import Openable
from mobilenet_jax.data.checks import SHOWN, check_labels, label_counts
from mobilenet_jax.data.pipeline import check_batch
from mobilenet_jax.data.sources import (
  Source,
  cache_in_memory,
  open_source,
  split_names,
)

AUTO = 'auto'  # a split that is chosen by those that there are


def settled(config: Any) -> ConfigDict:
  """A config whose 'auto' splits are named.

  Raises:
    UserError: there is no such data set, or it has nothing to train on.
  """
  made = ConfigDict(config.to_dict())
  data, fields = made.data, ('train_split', 'held_out_split', 'test_split')
  if AUTO not in (data[field] for field in fields):
    return made
  there = split_names(data.name, data.dir or None, say=say)
  if 'train' not in there:
    raise UserError(
      f"{data.name} has no split 'train' but {', '.join(there)}; name splits "
      'with --config.data.train_split, .held_out_split and .test_split.'
    )
  for field, split in zip(fields, shares(there), strict=True):
    if data[field] == AUTO:
      data[field] = split
  return made


def shares(there: Sequence[str]) -> tuple[str, str, str]:
  """What to train on, to choose by and to report on, of the splits of a set.

  What was split off is never trained on. Where one of two is missing, the
  other is reported on, and a tenth of 'train' is chosen by.
  """
  validation = next((n for n in ('validation', 'val') if n in there), '')
  test = next((n for n in ('test', validation) if n in there), '')
  if not test:
    return 'train[:80%]', 'train[80%:90%]', 'train[90%:]'
  if test == validation or not validation:
    return 'train[:90%]', 'train[90%:]', test
  return 'train', validation, test


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


def check_each_class(source: Source) -> None:
  """Checks that a split to choose by has an image of every class.

  Raises:
    UserError: it has not.
  """
  counts = _counts(source)
  empty = [source.class_names[i] for i in np.flatnonzero(counts == 0)]
  if empty:
    shown = ', '.join(map(repr, empty[:SHOWN]))
    more = f' and {len(empty) - SHOWN} more' if len(empty) > SHOWN else ''
    raise UserError(
      f'{source.name} {source.split!r} has {counted(len(source), "image")}, '
      f'none of {shown}{more}: too few to stop by. Add images of '
      f'{"it" if len(empty) == 1 else "them"}, or set train.patience to 0.'
    )


def images_a_class(source: Source) -> np.ndarray:
  """int [classes]: how many images each class has; none is without.

  Raises:
    UserError: one is, so that it cannot be weighed.
  """
  counts = _counts(source)
  if not counts.all():
    name = source.class_names[int(np.flatnonzero(counts == 0)[0])]
    raise UserError(
      f'{source.name} {source.split!r} has no images of {name!r}, so that '
      "train.class_weights cannot be 'balanced'; set it to ''."
    )
  return counts


def _counts(source: Source) -> np.ndarray:
  labels = source.labels
  if labels is None and isinstance(source.examples, Openable):
    labels = [source.examples.opened(i)[1] for i in range(len(source))]
  elif labels is None:
    labels = [example['label'] for example in source]
  return label_counts(np.asarray(labels), source.num_classes)


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
    name: {
      'images': len(source),
      'fingerprint': source.fingerprint(),
      'class_names': list(source.class_names),
    }
    for name, source in sources.items()
  }
  for i, other in enumerate(processes.share(now)):
    if other != now:
      raise UserError(
        f'Processes {processes.index()} and {i} of this job read different '
        'images under the same name; every computer needs the same data.'
      )
  processes.from_first(lambda: _compare(path, now, sources))


def known_classes(folder: Path) -> tuple[str, ...]:
  """Names of the classes that the run in a folder has learnt; none where it
  did not write them down."""
  path = folder / 'data.json'
  if path.exists():
    for one in read_json(path).values():
      if isinstance(one, dict) and 'class_names' in one:
        return tuple(map(str, one['class_names']))
  return ()


def _compare(
  path: Path, now: dict[str, Any], sources: Mapping[str, Source]
) -> None:
  if not path.exists():
    write_json(path, now)
    return
  known = read_json(path)
  if not isinstance(known, dict) or set(known) != set(now):
    raise UserError(
      f'{path} does not say what {", ".join(now)} hold; bring it back, or use '
      'another --workdir.'
    )
  for name, before in known.items():
    if now[name] != before:
      source = sources[name]
      raise UserError(
        f'{source.name} {source.split!r} does not hold the images that the run '
        f'in {path.parent} began with ({_images(before)} then, {len(source)} '
        'now); bring them back, or use another --workdir.'
      )


def _images(known: Any) -> Any:
  return known.get('images', '?') if isinstance(known, dict) else '?'
