"""Batches for training and evaluation, as pure functions of the step.

Grain deals the indices and runs background threads; no worker processes.
"""

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

from mobilenet_jax.arch.inputs import TENSORFLOW, Inputs
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data.augment.plan import SHIFT_AND_JITTER, Augmentation
from mobilenet_jax.data.batches import eval_batch, train_batch
from mobilenet_jax.data.sources import Source

if TYPE_CHECKING:
  import grain

Batch = dict[str, np.ndarray]

_AHEAD = 4  # batches kept ready
_ROOM = 4 << 30  # bytes of them; a large batch of photographs has 2.5e9


def train_batches(
  source: Source,
  *,
  batch: int,
  seed: int,
  resolution: int,
  augment: Augmentation | Literal[False] = SHIFT_AND_JITTER,
  inputs: Inputs = TENSORFLOW,
  start_step: int = 0,
  shard: tuple[int, int] = (0, 1),
  threads: int = 1,
) -> Iterator[Batch]:
  """Yields shuffled batches for ever; batch n depends on (seed, n) alone.

  Every image is used once an epoch, in a new order each epoch. A batch may
  straddle two epochs, so that none is dropped. With `augment.repeats` of m it
  holds batch / m images, one after the other, m times over.

  Args:
    source: where images come from; of one that is `Openable` only what is
      needed of an image is decoded.
    batch: images a batch, over all processes.
    seed: of order and augmentation, at least 0.
    resolution: pixels; images of another size are cropped and resized.
    augment: how images are varied; False: not at all.
    inputs: their mean and std make numbers of pixels.
    start_step: the first batch wanted; batches before it are skipped exactly.
    shard: which process this is, and of how many. It gets its part of every
      batch; the parts of all, one after the other, are the batch of one.
    threads: that decode and augment, each a batch of its own; batches are the
      same whatever their number.

  Returns:
    An iterator of {'image': float32 [B / processes, px, px, 3], 'label': int32
    [B / processes], or with mixup or cutmix float32 [B / processes, classes],
    shares that sum to 1}. Its `close()` stops the threads.

  Raises:
    UserError: there are fewer images than one batch takes, or the batch cannot
      be divided as wanted; from the iterator, an image that cannot be read.
  """
  plan = augment or Augmentation()
  rows, distinct = check_batch(source, batch, plan, shard)
  import grain  # It imports JAX.

  indices = grain.MapDataset.range(len(source)).seed(seed).shuffle().repeat()
  make = functools.partial(train_batch, source, plan, resolution, inputs, rows)
  batches = indices.batch(distinct).random_map(make)
  size = (rows.stop - rows.start) * resolution**2 * 3 * 4
  return _read_ahead(batches[start_step:], threads, size)


def eval_batches(
  source: Source,
  *,
  batch: int,
  resolution: int,
  inputs: Inputs = TENSORFLOW,
  shard: tuple[int, int] = (0, 1),
  threads: int = 1,
) -> Iterator[Batch]:
  """Yields every image once, in order, in batches of one shape.

  The last batch is filled up with zeros, of weight 0.

  Args:
    source: where images come from.
    batch: images a batch.
    resolution: pixels; images of that size are taken as they are, others are
      resized and cropped as `inputs` says (`preprocess.resize_and_crop`).
    inputs: of the network's spec.
    shard: which process this is, and of how many; it gets every so manieth
      batch, so that one process may have one more than another.
    threads: that decode, each a batch of its own.

  Returns:
    An iterator of {'image': float32 [B, px, px, 3], 'label': int32 [B],
    'weight': float32 [B], 1 for an image of the source}. Its `close()` stops
    the threads.
  """
  import grain  # It imports JAX.

  index, count = shard
  steps = grain.MapDataset.range(index, -(-len(source) // batch), count)
  make = functools.partial(eval_batch, source, resolution, inputs, batch)
  size = batch * resolution**2 * 3 * 4
  return _read_ahead(steps.map(make), threads, size)


def check_batch(
  source: Source,
  batch: int,
  plan: Augmentation,
  shard: tuple[int, int] = (0, 1),
) -> tuple[slice, int]:
  """Checks that a source makes batches as wanted; see `train_batches`.

  Returns:
    The process's rows of a batch, and how many images a batch shows.

  Raises:
    UserError: it does not.
  """
  rows = _rows(batch, shard, plan)
  distinct = batch // plan.repeats
  if len(source) < distinct:
    raise UserError(
      f'{source.name} {source.split!r} has {len(source)} images, fewer than'
      f' one batch of {distinct}; use a smaller batch.'
    )
  return rows, distinct


def _rows(batch: int, shard: tuple[int, int], plan: Augmentation) -> slice:
  """Which rows of a batch are a process's.

  Raises:
    UserError: the batch has no such parts.
  """
  index, count = shard
  if not 0 <= index < count:
    raise UserError(
      f'Process {index} of {count}: processes are numbered from 0.'
    )
  unit = count * (2 if plan.mixes else 1)  # mixing takes neighbours
  if batch % unit:
    kind = 'pairs of images' if plan.mixes else 'images'
    raise UserError(
      f'A batch of {batch} images does not divide into whole {kind} for'
      f' {count} process{"es" if count > 1 else ""}; make it a multiple of'
      f' {unit}.'
    )
  if batch % plan.repeats:
    raise UserError(
      f'A batch of {batch} images is not made of images shown {plan.repeats}'
      f' times; make it a multiple of {plan.repeats}.'
    )
  size = batch // count
  return slice(index * size, (index + 1) * size)


def _read_ahead(
  batches: 'grain.MapDataset', threads: int, size: int
) -> Iterator[Batch]:
  """Makes batches of so many bytes in background threads, in order."""
  import grain

  room = max(_ROOM // size, 2)
  threads = min(threads, room)
  ahead = min(max(_AHEAD, threads), room)
  options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=ahead)
  return iter(batches.to_iter_dataset(options))
