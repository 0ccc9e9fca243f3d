"""One image through all that an augmentation does to single images."""

import numpy as np
from PIL import Image

from mobilenet_jax.data.augment.crops import cropped
from mobilenet_jax.data.augment.erasing import erase
from mobilenet_jax.data.augment.jitter import jitter
from mobilenet_jax.data.augment.plan import Augmentation
from mobilenet_jax.data.augment.policies import autoaugment, randaugment

FLIP = Image.Transpose.FLIP_LEFT_RIGHT


def varied(
  image: Image.Image, plan: Augmentation, px: int, rng: np.random.Generator
) -> np.ndarray:
  """Crops, flips, recolours and erases a picture.

  Args:
    image: any of Pillow's; may be one that is opened and not decoded yet.
    plan: what is done.
    px: wanted height and width.
    rng: the picture's own.

  Returns:
    uint8 [px, px, 3].
  """
  image = cropped(image, plan, px, rng)
  if plan.flip and rng.random() < plan.flip:
    image = image.transpose(FLIP)
  if plan.policy == 'autoaugment':
    image = autoaugment(image, rng)
  elif plan.policy == 'randaugment':
    amounts = plan.layers, plan.magnitude, plan.magnitude_std
    image = randaugment(image, rng, *amounts, plan.policy_share)
  if any(plan.jitter):
    image = jitter(image, rng, *plan.jitter)
  pixels = np.array(image)
  if plan.erasing and rng.random() < plan.erasing:
    erase(pixels, rng)
  return pixels
