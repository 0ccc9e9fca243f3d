"""Batches for training and evaluation, as pure functions of the step.

Grain deals the indices and runs one background thread; no worker processes.
"""

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data import augment as augment_lib
from mobilenet_jax.data.sources import Columns, Source

if TYPE_CHECKING:
  import grain

Batch = dict[str, np.ndarray]

_AHEAD = 4  # batches kept ready
_SHIFT = 1 / 16  # the largest shift, as a share of the image
_JITTER = 0.2


def train_batches(
  source: Source,
  *,
  batch: int,
  seed: int,
  resolution: int,
  augment: bool = True,
  start_step: int = 0,
) -> Iterator[Batch]:
  """Yields shuffled batches for ever; batch n depends on (seed, n) alone.

  Every image is used once an epoch, in a new order each epoch. A batch may
  straddle two epochs, so that none is dropped.

  Args:
    source: where images come from.
    batch: images a batch.
    seed: of order and augmentation, at least 0.
    resolution: pixels; images of another size are resized.
    augment: shift, brightness and contrast at random.
    start_step: the first batch wanted; batches before it are skipped exactly.

  Returns:
    An iterator of {'image': float32 [B, px, px, 3] in [-1, 1],
    'label': int32 [B]}. Its `close()` stops the thread.

  Raises:
    UserError: there are fewer images than one batch takes.
  """
  if len(source) < batch:
    raise UserError(
      f'{source.name} {source.split!r} has {len(source)} images, fewer than'
      f' one batch of {batch}; use a smaller batch.'
    )
  import grain  # It imports JAX.

  indices = grain.MapDataset.range(len(source)).seed(seed).shuffle().repeat()
  make = functools.partial(_train_batch, source, resolution, augment)
  batches = indices.batch(batch).random_map(make)
  return _read_ahead(batches[start_step:])


def eval_batches(
  source: Source, *, batch: int, resolution: int
) -> Iterator[Batch]:
  """Yields every image once, in order, in batches of one shape.

  The last batch is filled up with zeros, of weight 0.

  Args:
    source: where images come from.
    batch: images a batch.
    resolution: pixels; images of another size are resized.

  Returns:
    An iterator of {'image': float32 [B, px, px, 3] in [-1, 1],
    'label': int32 [B], 'weight': float32 [B], 1 for an image of the source}.
    Its `close()` stops the thread.
  """
  import grain  # It imports JAX.

  steps = grain.MapDataset.range(-(-len(source) // batch))
  make = functools.partial(_eval_batch, source, resolution, batch)
  return _read_ahead(steps.map(make))


def _read_ahead(batches: 'grain.MapDataset') -> Iterator[Batch]:
  """Makes batches in one background thread, in order."""
  import grain

  options = grain.ReadOptions(num_threads=1, prefetch_buffer_size=_AHEAD)
  return iter(batches.to_iter_dataset(options))


def _train_batch(
  source: Source,
  resolution: int,
  augment: bool,
  indices: np.ndarray,
  rng: np.random.Generator,
) -> Batch:
  pixels, labels = _gather(source, indices, resolution)
  if not augment:
    return {'image': augment_lib.to_float(pixels), 'label': labels}
  pixels = augment_lib.random_shift(pixels, rng, round(resolution * _SHIFT))
  image = augment_lib.color_jitter(augment_lib.to_float(pixels), rng, _JITTER)
  return {'image': image, 'label': labels}


def _eval_batch(
  source: Source, resolution: int, batch: int, step: int
) -> Batch:
  start = step * batch
  indices = np.arange(start, min(start + batch, len(source)))
  pixels, labels = _gather(source, indices, resolution)
  missing = batch - len(indices)
  fill = lambda v: np.pad(v, [(0, missing)] + [(0, 0)] * (v.ndim - 1))
  return {
    'image': fill(augment_lib.to_float(pixels)),
    'label': fill(labels),
    'weight': fill(np.ones(len(indices), np.float32)),
  }


def _gather(
  source: Source, indices: np.ndarray, px: int
) -> tuple[np.ndarray, np.ndarray]:
  """Returns uint8 [B, px, px, 3] and int32 [B]."""
  if isinstance(source.examples, Columns):
    arrays = source.examples.arrays
    images, labels = arrays['image'][indices], arrays['label'][indices]
    if images.shape[1:3] == (px, px):
      return augment_lib.to_rgb(images), labels.astype(np.int32)
  else:
    examples = [source[int(i)] for i in indices]
    images = [example['image'] for example in examples]
    labels = np.array([example['label'] for example in examples])
  fitted = [augment_lib.resize(augment_lib.to_rgb(im), px) for im in images]
  return np.stack(fitted), labels.astype(np.int32)
