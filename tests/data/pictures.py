"""Folders of small pictures for tests."""

from pathlib import Path

import numpy as np
from PIL import Image

SIDES = (12, 10)  # width and height of most


def picture(number: int, sides: tuple[int, int] = SIDES) -> Image.Image:
  """A picture of noise in blocks, another for every number."""
  rng = np.random.default_rng(number)
  small = rng.integers(0, 256, (sides[1] // 2, sides[0] // 2, 3), np.uint8)
  return Image.fromarray(small.repeat(2, 0).repeat(2, 1))


def fill(folder: Path, count: int, first: int = 0, suffix: str = 'png') -> None:
  """Puts `count` pictures into a folder: `first`.png and so on."""
  folder.mkdir(parents=True, exist_ok=True)
  for number in range(first, first + count):
    picture(number).save(folder / f'{number}.{suffix}')
