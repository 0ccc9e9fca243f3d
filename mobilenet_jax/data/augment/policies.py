"""AutoAugment and RandAugment: which operations an image goes through."""

import numpy as np
from PIL import Image

from mobilenet_jax.data.augment.operations import apply
from mobilenet_jax.data.augment.plan import MOST_LEVEL

Step = tuple[str, float, int]  # operation, probability, magnitude of 0 to 9

# ImageNet's (arXiv 1805.09501, Table 9); five are there twice, as printed.
IMAGENET_POLICY: tuple[tuple[Step, Step], ...] = (
  (('posterize', 0.4, 8), ('rotate', 0.6, 9)),
  (('solarize', 0.6, 5), ('autocontrast', 0.6, 5)),
  (('equalize', 0.8, 8), ('equalize', 0.6, 3)),
  (('posterize', 0.6, 7), ('posterize', 0.6, 6)),
  (('equalize', 0.4, 7), ('solarize', 0.2, 4)),
  (('equalize', 0.4, 4), ('rotate', 0.8, 8)),
  (('solarize', 0.6, 3), ('equalize', 0.6, 7)),
  (('posterize', 0.8, 5), ('equalize', 1.0, 2)),
  (('rotate', 0.2, 3), ('solarize', 0.6, 8)),
  (('equalize', 0.6, 8), ('posterize', 0.4, 6)),
  (('rotate', 0.8, 8), ('color', 0.4, 0)),
  (('rotate', 0.4, 9), ('equalize', 0.6, 2)),
  (('equalize', 0.0, 7), ('equalize', 0.8, 8)),
  (('invert', 0.6, 4), ('equalize', 1.0, 8)),
  (('color', 0.6, 4), ('contrast', 1.0, 8)),
  (('rotate', 0.8, 8), ('color', 1.0, 2)),
  (('color', 0.8, 8), ('solarize', 0.8, 7)),
  (('sharpness', 0.4, 7), ('invert', 0.6, 8)),
  (('shear_x', 0.6, 5), ('equalize', 1.0, 9)),
  (('color', 0.4, 0), ('equalize', 0.6, 3)),
  (('equalize', 0.4, 7), ('solarize', 0.2, 4)),
  (('solarize', 0.6, 5), ('autocontrast', 0.6, 5)),
  (('invert', 0.6, 4), ('equalize', 1.0, 8)),
  (('color', 0.6, 4), ('contrast', 1.0, 8)),
  (('equalize', 0.8, 8), ('equalize', 0.6, 3)),
)
MAGNITUDES = 9  # the greatest of a policy

# arXiv 1909.13719, Section 3.1.
RANDAUGMENT = (
  'identity', 'autocontrast', 'equalize', 'rotate', 'solarize', 'color',
  'posterize', 'contrast', 'brightness', 'sharpness', 'shear_x', 'shear_y',
  'translate_x', 'translate_y',
)  # fmt: skip


def autoaugment(image: Image.Image, rng: np.random.Generator) -> Image.Image:
  """Applies one of ImageNet's 25 sub-policies (arXiv 1805.09501).

  Args:
    image: RGB.
    rng: draws the sub-policy; then, of each of its two operations, whether it
      is applied, and its sign.
  """
  steps = IMAGENET_POLICY[int(rng.integers(len(IMAGENET_POLICY)))]
  for name, probability, magnitude in steps:
    taken, negative = rng.random() < probability, rng.random() < 0.5
    if taken:
      image = apply(image, name, magnitude / MAGNITUDES, negative)
  return image


def randaugment(
  image: Image.Image,
  rng: np.random.Generator,
  layers: int,
  magnitude: float,
  magnitude_std: float = 0.0,
  share: float = 1.0,
) -> Image.Image:
  """Applies operations that are all equally likely (arXiv 1909.13719).

  Args:
    image: RGB.
    rng: draws each operation and its sign, and its magnitude.
    layers: N, how many operations.
    magnitude: M, from 0 to 10.
    magnitude_std: of a normal distribution about M, cut off at 0 and 10, as
      timm has it; 0: the magnitude is M.
    share: probability of each operation.
  """
  for _ in range(layers):
    if share < 1 and rng.random() >= share:
      continue
    name = RANDAUGMENT[int(rng.integers(len(RANDAUGMENT)))]
    negative = rng.random() < 0.5
    level = magnitude
    if magnitude_std:
      drawn = rng.normal(magnitude, magnitude_std)
      level = min(max(drawn, 0.0), MOST_LEVEL)
    image = apply(image, name, level / MOST_LEVEL, negative)
  return image
