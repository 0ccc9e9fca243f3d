"""Image transforms in numpy and Pillow, each with an explicit generator."""

from mobilenet_jax.data.augment.basic import (
  color_jitter,
  random_shift,
  resize,
  to_float,
  to_rgb,
)
from mobilenet_jax.data.augment.plan import (
  INCEPTION,
  SHIFT_AND_JITTER,
  Augmentation,
  make_augmentation,
)

__all__ = [
  'INCEPTION',
  'SHIFT_AND_JITTER',
  'Augmentation',
  'color_jitter',
  'make_augmentation',
  'random_shift',
  'resize',
  'to_float',
  'to_rgb',
]
