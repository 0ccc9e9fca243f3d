"""Pictures with their labels beneath, for people to look at."""

import io
import unicodedata
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import make_folder, write_bytes
from mobilenet_jax.tasks.predictions import Prediction

MAX_SIDE = 2048  # pixels
MIN_WIDTH = 288  # pixels; a smaller picture is centred above its labels
COMMENT = b'labels by mobilenet-jax'  # in the file: ours, may be overwritten
PAPER, BAR, INK = (24, 26, 32), (32, 86, 168), (244, 245, 247)
DOTS = '...'
MAX_LINES = 10  # beneath a picture


class Album:
  """A folder of annotated JPEG files, one a picture.

  Names are those of the pictures, numbered where two are alike. A file that
  is already there is overwritten only if an earlier `Album` wrote it.

  Args:
    folder: made where it is missing.
    keep: files that are never overwritten, whoever wrote them.

  Raises:
    UserError: the folder cannot be written to.
  """

  def __init__(self, folder: str | Path, keep: Collection[Path] = ()):
    self._folder = make_folder(folder)
    self._keep = {path.resolve() for path in keep}
    self._used: set[str] = set()

  def add(
    self, name: str, picture: Image.Image, found: Sequence[Prediction]
  ) -> Path:
    """Writes a picture with its labels; `name` is the picture's own file."""
    path = self._path(name)
    data = io.BytesIO()
    annotated(picture, found).save(data, 'JPEG', quality=92, comment=COMMENT)
    write_bytes(path, data.getvalue())
    return path

  def _path(self, name: str) -> Path:
    stem = Path(Path(name).name).stem or 'image'
    stem = stem.encode('utf-8', 'replace')[:120].decode('utf-8', 'ignore')
    number = 1
    while True:
      suffix = '' if number == 1 else f'-{number}'
      path = self._folder / f'{stem}{suffix}.jpg'
      key = path.name.casefold()  # some file systems know no case
      if key not in self._used and self._free(path):
        self._used.add(key)
        return path
      number += 1

  def _free(self, path: Path) -> bool:
    if not path.exists() and not path.is_symlink():
      return True
    if path.resolve() in self._keep or not path.is_file():
      return False
    try:
      with Image.open(path, formats=['JPEG']) as image:
        return image.info.get('comment') == COMMENT
    except Exception:  # whatever it is, it is not ours
      return False


def shrunk(pixels: np.ndarray) -> Image.Image:
  """The picture of uint8 [H, W, 3], no side longer than `MAX_SIDE`."""
  picture = Image.fromarray(pixels)
  picture.thumbnail((MAX_SIDE, MAX_SIDE))
  return picture


def annotated(picture: Image.Image, found: Sequence[Prediction]) -> Image.Image:
  """Returns a picture with a line a prediction beneath, the rest as it was.

  Behind each label a bar is as long as it is likely. Of many predictions the
  first `MAX_LINES` are shown; letters are ASCII, as Pillow's own font has them.

  Raises:
    UserError: Pillow was built without FreeType, so has no font of any size.
  """
  found = found[:MAX_LINES]
  width = max(picture.width, MIN_WIDTH)
  size = min(max(round(width / 28), 14), 44)  # of the letters, pixels
  row, margin = round(size * 1.6), round(size * 0.6)
  height = picture.height + row * len(found) + 2 * (margin // 2)
  sheet = Image.new('RGB', (width, height), PAPER)
  sheet.paste(picture, ((width - picture.width) // 2, 0))
  draw, font = ImageDraw.Draw(sheet), _font(size)
  top = picture.height + margin // 2
  for line in found:
    middle = top + row / 2
    share = f'{line.probability:.1%}'
    end = round(line.probability * width)
    if end:
      draw.rectangle((0, top + 1, end - 1, top + row - 2), fill=BAR)
    draw.text((width - margin, middle), share, INK, font, anchor='rm')
    room = width - 3 * margin - draw.textlength('100.0%', font)
    label = _cut(line.label, room, draw, font)
    draw.text((margin, middle), label, INK, font, anchor='lm')
    top += row
  return sheet


def _font(size: int) -> ImageFont.FreeTypeFont:
  font = ImageFont.load_default(size)
  if not isinstance(font, ImageFont.FreeTypeFont):
    raise UserError('Annotating needs a Pillow that was built with FreeType.')
  return font


def _cut(
  text: str,
  room: float,
  draw: ImageDraw.ImageDraw,
  font: ImageFont.FreeTypeFont,
) -> str:
  """The beginning of a text that fits into `room` pixels."""
  split = unicodedata.normalize('NFKD', text[:200])  # é is e and an accent
  letters = ''.join(c for c in split if not unicodedata.combining(c))
  text = letters.encode('ascii', 'replace').decode()
  if draw.textlength(text, font) <= room:
    return text
  while text and draw.textlength(text + DOTS, font) > room:
    text = text[:-1]
  return text.rstrip() + DOTS
