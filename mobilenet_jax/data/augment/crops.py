"""Which part of a picture is taken, and how it is scaled, decoding little."""

import math

import numpy as np
from PIL import Image

from mobilenet_jax.data.augment.basic import random_shift, resize
from mobilenet_jax.data.augment.plan import Augmentation

Box = tuple[int, int, int, int]  # left, top, right, bottom, as Pillow has them

TRIES = 10
SHIFT = 1 / 16  # the largest shift, as a share of the image
REDUCTIONS = (8, 4, 2)  # by which libjpeg can decode


def cropped(
  image: Image.Image, plan: Augmentation, px: int, rng: np.random.Generator
) -> Image.Image:
  """Takes the part of a picture that a plan says, px by px pixels.

  Args:
    image: may be one that is opened and not decoded yet.
  """
  if plan.crop == 'inception':
    box = inception_crop(*image.size, plan.area, plan.aspect, rng)
    method = Image.Resampling[plan.interpolation.upper()]
    return crop_and_resize(image, box, px, method)
  pixels = resize(np.asarray(image.convert('RGB')), px)
  if plan.crop == 'shift':
    pixels = random_shift(pixels, rng, round(px * SHIFT))
  return Image.fromarray(pixels)


def inception_crop(
  width: int,
  height: int,
  area: tuple[float, float],
  aspect: tuple[float, float],
  rng: np.random.Generator,
) -> Box:
  """Draws a part of a picture: torchvision's RandomResizedCrop.

  The area is uniform and the logarithm of the aspect (width over height), too;
  sides are rounded. After ten tries that do not fit it is the middle, as large
  as the aspect allows.

  Args:
    width, height: of the picture, in pixels.
    area: least and most, as shares of the picture's.
    aspect: least and most.
    rng: draws two numbers a try and two integers.

  Returns:
    left, top, right, bottom, inside of the picture.
  """
  low, high = math.log(aspect[0]), math.log(aspect[1])
  for _ in range(TRIES):
    pixels = width * height * rng.uniform(*area)
    ratio = math.exp(rng.uniform(low, high))
    w, h = round(math.sqrt(pixels * ratio)), round(math.sqrt(pixels / ratio))
    if 0 < w <= width and 0 < h <= height:
      top = int(rng.integers(height - h + 1))
      left = int(rng.integers(width - w + 1))
      return left, top, left + w, top + h
  return middle_crop(width, height, aspect)


def middle_crop(width: int, height: int, aspect: tuple[float, float]) -> Box:
  """The largest middle part whose aspect is within bounds, if there is one.

  A side is at least one pixel.
  """
  w, h = width, height
  if width / height < aspect[0]:
    h = max(round(width / aspect[0]), 1)
  elif width / height > aspect[1]:
    w = max(round(height * aspect[1]), 1)
  left, top = (width - w) // 2, (height - h) // 2
  return left, top, left + w, top + h


def crop_and_resize(
  image: Image.Image, box: Box, px: int, method: Image.Resampling
) -> Image.Image:
  """Scales a part of a picture to RGB of px by px pixels, with antialiasing.

  A JPEG that is not decoded yet is decoded at 1/2, 1/4 or 1/8 of its size
  where the part keeps px pixels a side.

  Args:
    image: of any mode.
    box: within the image.
  """
  factor, scale = 1.0, reduction(box, px)
  if scale > 1 and image.format == 'JPEG' and image.mode in ('RGB', 'L'):
    width = image.width
    drafted = image.draft(image.mode, (width // scale, image.height // scale))
    if drafted:  # and says how wide all of it is, to the fraction
      factor = drafted[1][2] / width
  left, top, right, bottom = (side * factor for side in box)
  rgb = image if image.mode == 'RGB' else image.convert('RGB')  # a copy
  return rgb.resize((px, px), method, box=(left, top, right, bottom))


def reduction(box: Box, px: int) -> int:
  """The largest of `REDUCTIONS` that leaves px pixels a side; 1 if none."""
  side = min(box[2] - box[0], box[3] - box[1])
  return next((by for by in REDUCTIONS if side >= by * px), 1)
