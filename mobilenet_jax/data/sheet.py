"""A picture of some images of a source, as stored and as training sees them."""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mobilenet_jax.arch.inputs import TENSORFLOW
from mobilenet_jax.core.text import ascii_only
from mobilenet_jax.data.augment import SHIFT_AND_JITTER, resize, to_rgb
from mobilenet_jax.data.batches import train_batch
from mobilenet_jax.data.sources import Source

ROWS, COLUMNS = 8, 8  # of the columns the first shows the image as stored
SEED = 0
GAP, CAPTION = 4, 16  # pixels
PAPER, INK = (24, 26, 32), (244, 245, 247)
LETTERS = 60  # of a caption


def draw_sheet(source: Source, indices: np.ndarray, px: int) -> bytes:
  """Draws a row an image: its class, the image, and augmented ones.

  Args:
    source: of the images.
    indices: which of them, `ROWS` at most.
    px: side of a cell in pixels; what training is given to see.

  Returns:
    A PNG file.
  """
  indices = indices[:ROWS]
  cell, row = px + GAP, px + CAPTION + GAP
  size = (COLUMNS * cell + GAP, len(indices) * row + GAP)
  sheet = Image.new('RGB', size, PAPER)
  draw, font = ImageDraw.Draw(sheet), ImageFont.load_default()
  rng = np.random.default_rng(SEED)
  for number, i in enumerate(indices):
    top = GAP + number * row
    example = source[int(i)]
    name = source.class_names[example['label']]
    text = f'{name}: {source.image_name(int(i))}, then augmented'
    draw.text((GAP, top), ascii_only(text, LETTERS), INK, font)
    stored = resize(to_rgb(example['image']), px)
    seen = augmented(source, np.full(COLUMNS - 1, i), px, rng)
    for column, pixels in enumerate([stored, *seen]):
      place = (GAP + column * cell, top + CAPTION)
      sheet.paste(Image.fromarray(pixels), place)
  data = io.BytesIO()
  sheet.save(data, 'png')
  return data.getvalue()


def augmented(
  source: Source, indices: np.ndarray, px: int, rng: np.random.Generator
) -> np.ndarray:
  """uint8 [N, px, px, 3]: images as one training batch would hold them."""
  everything = slice(None)
  batch = train_batch(
    source, SHIFT_AND_JITTER, px, TENSORFLOW, everything, indices, rng
  )
  levels = (batch['image'] + 1) * 127.5  # from [-1, 1]
  return np.clip(levels.round(), 0, 255).astype(np.uint8)
