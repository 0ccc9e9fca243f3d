"""Random erasing (arXiv 1708.04896, Algorithm 1)."""

import math

import numpy as np

AREA = (0.02, 0.4)  # s_l and s_h, shares of the image
ASPECT = (0.3, 1 / 0.3)  # r_1 and r_2, height over width
TRIES = 100


def erase(pixels: np.ndarray, rng: np.random.Generator) -> None:
  """Fills a random rectangle with random values (RE-R), in place.

  Args:
    pixels: uint8 [H, W, C]; stays as it is where no rectangle fits, as in an
      image of a few pixels.
    rng: draws two numbers a try, two integers and the values.
  """
  height, width, channels = pixels.shape
  for _ in range(TRIES):
    area = height * width * rng.uniform(*AREA)
    aspect = rng.uniform(*ASPECT)
    h, w = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
    if 0 < h < height and 0 < w < width:
      top = int(rng.integers(height - h + 1))
      left = int(rng.integers(width - w + 1))
      noise = rng.integers(0, 256, (h, w, channels), np.uint8)
      pixels[top : top + h, left : left + w] = noise
      return
