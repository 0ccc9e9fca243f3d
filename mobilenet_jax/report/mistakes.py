"""A sheet of images that were answered wrongly, for people to look at."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mobilenet_jax.core.text import ascii_only

MOST, COLUMNS = 24, 4
SIDE, GAP, LINE = 224, 12, 18  # pixels
LETTERS = 34  # of a line, so that it fits below an image
PAPER, INK, SOFT, BAD = (24, 26, 32), (244, 245, 247), (150, 156, 168), (
  255, 138, 128,
)  # fmt: skip


@dataclass(frozen=True)
class Mistake:
  """An image that was answered wrongly.

  Attributes:
    image: its name.
    label: its class.
    answer: what was said.
    probability: of that answer.
    label_probability: of its class.
  """

  image: str
  label: str
  answer: str
  probability: float
  label_probability: float


def draw_mistakes(
  mistakes: Sequence[Mistake], pictures: Sequence[np.ndarray]
) -> bytes:
  """Draws images with what was said of them, the first in the top left corner.

  Args:
    mistakes: at least one, `MOST` at most.
    pictures: uint8 [H, W, C], one a mistake, of any size.

  Returns:
    A PNG file.
  """
  columns = min(COLUMNS, len(mistakes))
  rows = -(-len(mistakes) // columns)
  cell, row = SIDE + GAP, SIDE + 3 * LINE + GAP
  size = (columns * cell + GAP, rows * row + GAP)
  sheet = Image.new('RGB', size, PAPER)
  draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
  for number, (one, pixels) in enumerate(zip(mistakes, pictures, strict=True)):
    left = GAP + number % columns * cell
    top = GAP + number // columns * row
    _paste(sheet, pixels, left, top)
    for line, (text, ink) in enumerate(_lines(one)):
      place = (left, top + SIDE + 2 + line * LINE)
      draw.text(place, ascii_only(text, LETTERS), ink, font)
  data = io.BytesIO()
  sheet.save(data, 'png')
  return data.getvalue()


def _lines(one: Mistake) -> list[tuple[str, tuple[int, int, int]]]:
  # the end of a path says more than its beginning
  name = one.image if len(one.image) <= LETTERS else '...' + one.image[-31:]
  return [
    (_line('is', one.label, one.label_probability), INK),
    (_line('taken for', one.answer, one.probability), BAD),
    (name, SOFT),
  ]


def _line(words: str, name: str, probability: float) -> str:
  number = f' ({probability:.1%})'
  room = LETTERS - len(words) - 1 - len(number)
  return f'{words} {ascii_only(name, room)}{number}'


def _paste(sheet: Image.Image, pixels: np.ndarray, left: int, top: int) -> None:
  """Puts the whole picture into a square; small ones are enlarged plainly."""
  flat = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
  picture = Image.fromarray(flat).convert('RGB')
  scale = SIDE / max(picture.size)
  width, height = (max(round(n * scale), 1) for n in picture.size)
  smooth = Image.Resampling.LANCZOS
  method = Image.Resampling.NEAREST if scale > 2 else smooth
  shown = picture.resize((width, height), method)
  sheet.paste(shown, (left + (SIDE - width) // 2, top + (SIDE - height) // 2))
