"""What small, ready-made images need: shifts, exposure, sizes and types.

Every function takes one image [H, W, C] or a batch [B, H, W, C]; in a batch
each image gets its own draw.
"""

import numpy as np
from PIL import Image


def random_shift(
  image: np.ndarray, rng: np.random.Generator, max_shift: int
) -> np.ndarray:
  """Moves the image by up to `max_shift` pixels each way, mirroring the edge.

  Args:
    image: [..., H, W, C], any type; H and W must exceed `max_shift`.
    rng: draws two integers an image.
    max_shift: pixels; 0 leaves the image as it is.
  """
  batch = image if image.ndim == 4 else image[None]
  offsets = draw_shifts(rng, len(batch), max_shift)
  return shift(batch, offsets, max_shift).reshape(image.shape)


def draw_shifts(
  rng: np.random.Generator, count: int, max_shift: int
) -> np.ndarray:
  """Returns int [count, 2]: y and x, from 0 to twice `max_shift`."""
  return rng.integers(0, 2 * max_shift + 1, (count, 2))


def shift(batch: np.ndarray, offsets: np.ndarray, max_shift: int) -> np.ndarray:
  """Moves [B, H, W, C] by the offsets of `draw_shifts`."""
  height, width = batch.shape[1:3]
  edge = (max_shift, max_shift)
  padded = np.pad(batch, ((0, 0), edge, edge, (0, 0)), mode='reflect')
  shifted = np.empty_like(batch)
  for out, source, (y, x) in zip(shifted, padded, offsets, strict=True):
    out[:] = source[y : y + height, x : x + width]
  return shifted


def color_jitter(
  image: np.ndarray, rng: np.random.Generator, strength: float = 0.2
) -> np.ndarray:
  """Changes brightness and contrast a little.

  Args:
    image: float32 [..., H, W, C] in [-1, 1].
    rng: draws two numbers an image.
    strength: contrast is multiplied by 1 ± strength, about the image's mean,
      and brightness raised by ± strength.

  Returns:
    float32, clipped to [-1, 1].
  """
  batch = image if image.ndim == 4 else image[None]
  exposures = draw_exposures(rng, len(batch), strength)
  return expose(batch, exposures).reshape(image.shape)


def draw_exposures(
  rng: np.random.Generator, count: int, strength: float
) -> np.ndarray:
  """Returns float64 [2, count]: changes of brightness and of contrast."""
  return rng.uniform(-strength, strength, (2, count))


def expose(batch: np.ndarray, exposures: np.ndarray) -> np.ndarray:
  """Changes float32 [B, H, W, C] in [-1, 1] as `draw_exposures` says."""
  brightness, contrast = exposures
  mean = batch.reshape(len(batch), -1).mean(axis=1)
  # (image - mean) * (1 + contrast) + mean + brightness, in two passes.
  column = lambda v: v.astype(np.float32)[:, None, None, None]
  jittered = batch * column(1 + contrast)
  jittered += column(brightness - mean * contrast)
  return np.clip(jittered, -1, 1, out=jittered)


def to_float(image: np.ndarray) -> np.ndarray:
  """Maps uint8 0..255 to float32 [-1, 1]."""
  scaled = image.astype(np.float32)
  scaled *= np.float32(2 / 255)
  scaled -= 1
  return scaled


def to_rgb(image: np.ndarray) -> np.ndarray:
  """Repeats a grey channel three times and drops an alpha channel."""
  if image.shape[-1] == 1:
    return np.repeat(image, 3, axis=-1)
  return image[..., :3]


def resize(image: np.ndarray, px: int) -> np.ndarray:
  """Scales the largest middle square of an image to px by px pixels.

  Args:
    image: uint8 [H, W, 3].
    px: wanted height and width.

  Returns:
    uint8 [px, px, 3], filtered bilinearly with antialiasing; the image itself
    if it has that size.
  """
  height, width = image.shape[:2]
  if (height, width) == (px, px):
    return image
  side = min(height, width)
  left, top = (width - side) / 2, (height - side) / 2
  box = (left, top, left + side, top + side)
  resized = Image.fromarray(image).resize(
    (px, px), Image.Resampling.BILINEAR, box=box
  )
  return np.asarray(resized)
