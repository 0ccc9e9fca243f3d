"""Brightness, contrast, saturation and hue, as torchvision jitters them."""

import numpy as np
from PIL import Image, ImageEnhance

_ENHANCERS = (
  ImageEnhance.Brightness,
  ImageEnhance.Contrast,
  ImageEnhance.Color,
)


def jitter(
  image: Image.Image,
  rng: np.random.Generator,
  brightness: float = 0.0,
  contrast: float = 0.0,
  saturation: float = 0.0,
  hue: float = 0.0,
) -> Image.Image:
  """torchvision's ColorJitter: four changes in a random order.

  Args:
    image: RGB.
    rng: draws the order and four numbers, whatever is changed.
    brightness, contrast, saturation: the factor is uniform within 1 ± this; 0
      changes nothing.
    hue: turned by up to this either way, at most 0.5, a turn being 1.
  """
  order = rng.permutation(4)
  widths = (brightness, contrast, saturation, hue)
  draws = rng.uniform(-1, 1, 4) * widths
  for i in order:
    if not widths[i]:
      continue
    if i == 3:
      image = turn_hue(image, float(draws[i]))
    else:
      image = _ENHANCERS[i](image).enhance(1 + float(draws[i]))
  return image


def turn_hue(image: Image.Image, turn: float) -> Image.Image:
  """Turns the hue of an RGB image; 1 is all the way round."""
  by = int(turn * 255)
  hue, saturation, value = image.convert('HSV').split()
  hue = hue.point([(i + by) % 256 for i in range(256)])
  return Image.merge('HSV', (hue, saturation, value)).convert('RGB')
