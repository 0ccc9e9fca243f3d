"""One batch of a source: read, varied, and in a network's numbers."""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import numpy as np
from PIL import Image

from mobilenet_jax.arch.inputs import HALF, Inputs
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data.augment import basic, mixing
from mobilenet_jax.data.augment.crops import SHIFT
from mobilenet_jax.data.augment.plan import Augmentation
from mobilenet_jax.data.augment.single import varied
from mobilenet_jax.data.preprocess import resize_and_crop
from mobilenet_jax.data.sources import Columns, Source

Batch = dict[str, np.ndarray]


@runtime_checkable
class Openable(Protocol):
  """Examples whose images can be had before they are decoded."""

  def opened(self, i: int) -> tuple[Image.Image, int]:
    """Returns the image of example i, whose pixels are those of the example
    once they are loaded and turned to RGB, and its label."""
    ...


def train_batch(
  source: Source,
  plan: Augmentation,
  px: int,
  inputs: Inputs,
  rows: slice,
  indices: np.ndarray,
  rng: np.random.Generator,
) -> Batch:
  """Makes some rows of a batch.

  Every draw is for the whole batch, so that rows do not depend on which
  others are made beside them.
  """
  indices = np.tile(indices, plan.repeats)
  total, mine = len(indices), indices[rows]
  if plan.one_by_one:
    seeds = rng.integers(2**63, size=total)[rows]
    pixels, labels = _varied(source, plan, px, mine, seeds)
  else:
    pixels, labels = _gather(source, mine, px)
    if plan.crop == 'shift':
      most = round(px * SHIFT)
      offsets = basic.draw_shifts(rng, total, most)[rows]
      pixels = basic.shift(pixels, offsets, most)
  if plan.exposure:
    exposures = basic.draw_exposures(rng, total, plan.exposure)[:, rows]
    bright = basic.expose(basic.to_float(pixels), exposures)
    image = _rescaled(bright, inputs)
  else:
    image = _numbers(pixels, inputs)
  if not plan.mixes:
    return {'image': image, 'label': labels}
  targets = mixing.one_hot(labels, source.num_classes)
  _mix(image, targets, plan, rng)
  return {'image': image, 'label': targets}


def eval_batch(
  source: Source, px: int, inputs: Inputs, batch: int, step: int
) -> Batch:
  """Makes a batch of the source's own order, filled up with weight 0."""
  start = step * batch
  indices = np.arange(start, min(start + batch, len(source)))
  pixels, labels = _gather(source, indices, px, inputs)
  missing = batch - len(indices)
  fill = lambda v: np.pad(v, [(0, missing)] + [(0, 0)] * (v.ndim - 1))
  return {
    'image': fill(_numbers(pixels, inputs)),
    'label': fill(labels),
    'weight': fill(np.ones(len(indices), np.float32)),
  }


def _varied(
  source: Source,
  plan: Augmentation,
  px: int,
  indices: np.ndarray,
  seeds: Iterable[int],
) -> tuple[np.ndarray, np.ndarray]:
  """Returns uint8 [B, px, px, 3] and int32 [B]."""
  pixels = np.empty((len(indices), px, px, 3), np.uint8)
  labels = np.empty(len(indices), np.int32)
  for row, (i, seed) in enumerate(zip(indices, seeds, strict=True)):
    own = np.random.Generator(np.random.Philox(int(seed)))
    try:
      image, labels[row] = _opened(source, int(i))
      pixels[row] = varied(image, plan, px, own)
    except UserError:
      raise
    except (OSError, SyntaxError, EOFError, ValueError) as error:  # decoders'
      raise UserError(
        f'Image {source.image_name(int(i))} of {source.name} {source.split!r}'
        f' cannot be read: {error}.'
      ) from error
  return pixels, labels


def _opened(source: Source, i: int) -> tuple[Image.Image, int]:
  if isinstance(source.examples, Openable):
    return source.examples.opened(i)
  example = source[i]
  return Image.fromarray(basic.to_rgb(example['image'])), example['label']


def _mix(
  images: np.ndarray,
  targets: np.ndarray,
  plan: Augmentation,
  rng: np.random.Generator,
) -> None:
  if plan.mix_share < 1 and rng.random() >= plan.mix_share:
    return
  both = plan.mixup and plan.cutmix
  blend = rng.random() < 0.5 if both else bool(plan.mixup)
  if blend:
    mixing.mixup(images, targets, rng, plan.mixup)
  else:
    mixing.cutmix(images, targets, rng, plan.cutmix)


def _gather(
  source: Source, indices: np.ndarray, px: int, inputs: Inputs | None = None
) -> tuple[np.ndarray, np.ndarray]:
  """Returns uint8 [B, px, px, 3] and int32 [B].

  Images of another size are resized and cropped as `inputs` says; without it
  they are the largest middle square.
  """
  if isinstance(source.examples, Columns):
    arrays = source.examples.arrays
    images, labels = arrays['image'][indices], arrays['label'][indices]
    if images.shape[1:3] == (px, px):
      return basic.to_rgb(images), labels.astype(np.int32)
  else:
    examples = [source[int(i)] for i in indices]
    images = [example['image'] for example in examples]
    labels = np.array([example['label'] for example in examples])
  fitted = [_fitted(basic.to_rgb(image), px, inputs) for image in images]
  return np.stack(fitted), labels.astype(np.int32)


def eval_image(image: np.ndarray, px: int, inputs: Inputs) -> np.ndarray:
  """float32 [px, px, 3] of uint8 [H, W, 3]: as `eval_batch` has it."""
  return _numbers(_fitted(image, px, inputs)[None], inputs)[0]


def _fitted(image: np.ndarray, px: int, inputs: Inputs | None) -> np.ndarray:
  if inputs is None or image.shape[:2] == (px, px):
    return basic.resize(image, px)
  return resize_and_crop(image, px, inputs)


def _numbers(pixels: np.ndarray, inputs: Inputs) -> np.ndarray:
  """Maps uint8 to float32 by the mean and std of `inputs`.

  Image by image, which stays in cache, and in long rows: a batch at once, the
  three channels last, takes five times as long. The values are the same.
  """
  made = np.empty(pixels.shape, np.float32)
  if _is_half(inputs):
    for image, numbers in zip(pixels, made, strict=True):
      numbers[:] = basic.to_float(image)
    return made
  count, height, width, channels = pixels.shape
  rows = count, height, width * channels
  mean, std = (
    np.tile(np.array(v, np.float32), width) for v in (inputs.mean, inputs.std)
  )
  of_255 = np.float32(255)
  for image, numbers in zip(
    pixels.reshape(rows), made.reshape(rows), strict=True
  ):
    np.divide(image, of_255, out=numbers)
    numbers -= mean
    numbers /= std
  return made


def _rescaled(values: np.ndarray, inputs: Inputs) -> np.ndarray:
  """Maps float32 [-1, 1] by the mean and std of `inputs`."""
  if _is_half(inputs):
    return values
  mean, std = (np.array(v, np.float32) for v in (inputs.mean, inputs.std))
  return ((values + 1) / 2 - mean) / std


def _is_half(inputs: Inputs) -> bool:
  return (inputs.mean, inputs.std) == (HALF, HALF)
