"""The operations of AutoAugment and RandAugment, on Pillow's RGB images.

Ranges are those of AutoAugment (arXiv 1805.09501, Table 6) as torchvision
reads them: strength rises with the magnitude, and where a change has two
directions the sign is drawn. What comes in from outside is grey, as in the
authors' code.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from PIL import Image, ImageEnhance, ImageOps

GREY = (128, 128, 128)
_AFFINE = Image.Transform.AFFINE

Picture = Image.Image


class Operation(NamedTuple):
  """An operation and its argument at magnitude 0 and at the greatest."""

  apply: Callable[[Picture, float], Picture]
  weakest: float = 0.0
  strongest: float = 0.0
  signed: bool = False


def _affine(image: Picture, matrix: tuple[float, ...]) -> Picture:
  return image.transform(image.size, _AFFINE, matrix, fillcolor=GREY)


def _translate_x(image: Picture, share: float) -> Picture:
  return _affine(image, (1, 0, int(share * image.width), 0, 1, 0))


def _translate_y(image: Picture, share: float) -> Picture:
  return _affine(image, (1, 0, 0, 0, 1, int(share * image.height)))


OPERATIONS = {
  'identity': Operation(lambda image, _: image),
  'autocontrast': Operation(lambda image, _: ImageOps.autocontrast(image)),
  'equalize': Operation(lambda image, _: ImageOps.equalize(image)),
  'invert': Operation(lambda image, _: ImageOps.invert(image)),
  'rotate': Operation(  # degrees
    lambda image, v: image.rotate(v, fillcolor=GREY), 0, 30, True
  ),
  'posterize': Operation(  # bits that stay
    lambda image, v: ImageOps.posterize(image, round(v)), 8, 4
  ),
  'solarize': Operation(  # what is as bright is inverted, of whole numbers
    lambda image, v: ImageOps.solarize(image, math.ceil(v)), 255, 0
  ),
  'color': Operation(
    lambda image, v: ImageEnhance.Color(image).enhance(1 + v), 0, 0.9, True
  ),
  'contrast': Operation(
    lambda image, v: ImageEnhance.Contrast(image).enhance(1 + v), 0, 0.9, True
  ),
  'brightness': Operation(
    lambda image, v: ImageEnhance.Brightness(image).enhance(1 + v), 0, 0.9, True
  ),
  'sharpness': Operation(
    lambda image, v: ImageEnhance.Sharpness(image).enhance(1 + v), 0, 0.9, True
  ),
  'shear_x': Operation(
    lambda image, v: _affine(image, (1, v, 0, 0, 1, 0)), 0, 0.3, True
  ),
  'shear_y': Operation(
    lambda image, v: _affine(image, (1, 0, 0, v, 1, 0)), 0, 0.3, True
  ),
  'translate_x': Operation(_translate_x, 0, 150 / 331, True),  # of the side
  'translate_y': Operation(_translate_y, 0, 150 / 331, True),
}  # fmt: skip


def apply(
  image: Picture, name: str, strength: float, negative: bool = False
) -> Picture:
  """Applies an operation.

  Args:
    image: RGB.
    name: of `OPERATIONS`.
    strength: 0 is the weakest, 1 the strongest.
    negative: the sign, of an operation that has two directions.
  """
  operation = OPERATIONS[name]
  low, high = operation.weakest, operation.strongest
  value = low + (high - low) * strength
  return operation.apply(
    image, -value if negative and operation.signed else value
  )
