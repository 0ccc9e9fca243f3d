"""From a picture to a network's input, as the network's spec says.

The geometry and the arithmetic are those of torchvision's eval transform
(Resize, CenterCrop, ToTensor, Normalize) on Pillow's images, to the last bit:

- The short side becomes floor(resolution / crop) pixels, and the long one
  int(short * long / short side). A crop that is a ratio of whole numbers, as
  224/232, gives that whole number: 1e-6 is added before the floor. timm, too,
  takes the floor; other libraries write that number of pixels down.
- Pillow resizes with antialiasing ('nearest' has none).
- The central square starts at int(round((side - resolution) / 2)), where
  round takes a half to the even number.
- Values become (pixel / 255 - mean) / std, in float32.

With `squash` the picture is resized to the square at once, as
`keras.utils.load_img(path, target_size=...)` does.
"""

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from mobilenet_jax.arch import ArchSpec, Inputs
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data.images import check_pixels, open_image, to_pixels

__all__ = ['normalize', 'open_image', 'preprocess', 'resize_and_crop']


def preprocess(images: Any, model_or_spec: Any) -> np.ndarray:
  """Prepares pictures for a network.

  Args:
    images: a path, one of Pillow's images or uint8 [H, W] or [H, W, C]; or a
      sequence of those, or uint8 [N, H, W, C].
    model_or_spec: an `ArchSpec`, or a model made of one. Its `inputs`,
      `resolution` and `in_channels` (1 grey, 3 RGB, 4 RGB and alpha) decide.

  Returns:
    float32 [resolution, resolution, in_channels]; of several pictures
    [N, resolution, resolution, in_channels].

  Raises:
    UserError: a file cannot be read, or an object is no picture.
  """
  spec = getattr(model_or_spec, 'spec', model_or_spec)
  if not isinstance(spec, ArchSpec):
    kind = type(model_or_spec).__name__
    raise UserError(f'A {kind} is neither a model nor an ArchSpec.')
  batch = isinstance(images, Sequence) and not isinstance(images, str | bytes)
  if not batch and getattr(images, 'ndim', 0) != 4:
    return _prepare(images, spec)
  if not len(images):
    raise UserError('There are no images to prepare.')
  return np.stack([_prepare(image, spec) for image in images])


def _prepare(image: Any, spec: ArchSpec) -> np.ndarray:
  channels = spec.in_channels
  if isinstance(image, str | os.PathLike):
    pixels, name = open_image(image, channels), str(image)
  elif isinstance(image, Image.Image):
    pixels, name = to_pixels(image, channels), 'An image'
  else:
    pixels, name = to_pixels(_from_array(image), channels), 'An image'
  square = resize_and_crop(pixels, spec.resolution, spec.inputs, name)
  return normalize(square, spec.inputs)


def _from_array(image: Any) -> Image.Image:
  array = np.asarray(image)
  flat = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
  colour = flat.ndim == 3 and flat.shape[2] in (3, 4)
  if array.dtype != np.uint8 or not (flat.ndim == 2 or colour) or not flat.size:
    raise UserError(
      f'{array.dtype} of shape {list(array.shape)} is no image; an image is '
      'uint8 [H, W], or [H, W, C] of 1, 3 or 4 channels.'
    )
  return Image.fromarray(flat)


def resize_and_crop(
  pixels: np.ndarray, side: int, inputs: Inputs, name: str = 'An image'
) -> np.ndarray:
  """Resizes and crops uint8 [H, W, C] to [side, side, C], see above.

  Raises:
    UserError: it is so long and narrow that resized it fills the memory.
  """
  height, width, channels = pixels.shape
  method = Image.Resampling[inputs.interpolation.upper()]
  image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
  if inputs.squash:
    image = image.resize((side, side), method)
  else:
    size = resized(width, height, math.floor(side / inputs.crop + 1e-6))
    check_pixels(*size, f'{name}, resized from {width} x {height},')
    left, top = (round((length - side) / 2) for length in size)
    image = image.resize(size, method)
    image = image.crop((left, top, left + side, top + side))
  return np.asarray(image).reshape(side, side, channels)


def resized(width: int, height: int, short: int) -> tuple[int, int]:
  """Width and height of a picture whose short side becomes `short`."""
  if width <= height:
    return short, int(short * height / width)
  return int(short * width / height), short


def normalize(pixels: np.ndarray, inputs: Inputs) -> np.ndarray:
  """Maps uint8 [..., C] to float32 by the mean and std of `inputs`.

  Grey, and an alpha channel, take the average of the three channels'.
  """
  mean, std = (np.array(v, np.float32) for v in (inputs.mean, inputs.std))
  if pixels.shape[-1] == 1:
    mean, std = mean.mean(), std.mean()
  elif pixels.shape[-1] == 4:
    mean, std = np.append(mean, mean.mean()), np.append(std, std.mean())
  values = pixels.astype(np.float32)
  values /= 255
  values -= mean
  values /= std
  return values
