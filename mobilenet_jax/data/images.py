"""Pictures from files and objects, in the form networks are fed with.

Upright (EXIF), 8 bits a channel, transparency laid on white: what a person
sees who opens the file. Colour profiles are not applied, as in torchvision.
"""

import os
import threading
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from mobilenet_jax.core.errors import UserError

FORMATS = ('JPEG', 'PNG', 'WEBP', 'BMP', 'GIF')  # told by content, not by name
SUFFIXES = ('.jpg', '.jpeg', '.jpe', '.png', '.webp', '.bmp', '.gif')
MAX_PIXELS = 80_000_000  # a little less than where Pillow warns of a bomb
MODES = {1: 'L', 3: 'RGB', 4: 'RGBA'}  # channels to Pillow's names
FILTERS = threading.Lock()
TURNS = {  # EXIF's orientation to what sets a picture upright
  2: Image.Transpose.FLIP_LEFT_RIGHT,
  3: Image.Transpose.ROTATE_180,
  4: Image.Transpose.FLIP_TOP_BOTTOM,
  5: Image.Transpose.TRANSPOSE,
  6: Image.Transpose.ROTATE_270,
  7: Image.Transpose.TRANSVERSE,
  8: Image.Transpose.ROTATE_90,
}


def open_image(
  path: str | os.PathLike[str], channels: int = 3, *, shrink: bool = False
) -> np.ndarray:
  """Reads an image file; of an animation the first picture.

  Args:
    path: a file; its content says which of `FORMATS` it is.
    channels: 1 for grey (luma of ITU-R 601-2), 3 for RGB, 4 for RGB and alpha.
    shrink: of a JPEG only every eighth pixel each way, for a fraction of the
      time; a damaged one is refused alike.

  Returns:
    uint8 [H, W, channels].

  Raises:
    UserError: no such file, no image, a broken or truncated one, or one of
      more than `MAX_PIXELS` (found out before any pixel is decoded).
  """
  try:
    if not Path(path).is_file():
      raise UserError(f'{path} is no file.')
    if not Path(path).stat().st_size:
      raise UserError(f'{path} is empty.')
    with _opened(path) as image:
      check_pixels(image.width, image.height, str(path))
      if shrink:
        image.draft(None, (1, 1))  # JPEG's smallest; no-op for other formats
      image.load()
      return to_pixels(image, channels)
  except UserError:
    raise
  except UnidentifiedImageError:
    known = ', '.join(FORMATS)
    raise UserError(f'{path} is no image; known are {known}.') from None
  except Exception as error:  # decoders raise anything on damaged files
    reason = getattr(error, 'strerror', None) or str(error).rstrip('.')
    text = ' '.join((reason or type(error).__name__).split())
    raise UserError(f'Cannot read image {path}: {text}.') from error


def lazy_image(source: str | os.PathLike[str] | BinaryIO) -> Image.Image:
  """An image of RGB pixels that a JPEG is decoded to only when it is needed.

  A reader of a part, or of a small form (`Image.draft`), saves the rest.

  Raises:
    OSError, SyntaxError, UserError: as `open_image`'s, unexplained.
  """
  image = _opened(source)
  check_pixels(image.width, image.height, getattr(source, 'name', str(source)))
  if image.format == 'JPEG' and image.mode == 'RGB' and _turn(image) is None:
    return image
  return Image.fromarray(to_pixels(image))


def _opened(path: str | os.PathLike[str] | BinaryIO) -> Image.Image:
  """Reads a file's header; `check_pixels` says what is too large."""
  # filters are the whole program's, so that one thread at a time sets them
  with FILTERS, warnings.catch_warnings():
    warnings.simplefilter('ignore', Image.DecompressionBombWarning)
    return Image.open(path, formats=FORMATS)


def to_pixels(image: Image.Image, channels: int = 3) -> np.ndarray:
  """Returns uint8 [H, W, channels] of any of Pillow's images.

  Raises:
    UserError: the picture's mode has no such form.
  """
  if channels not in MODES:
    raise UserError(f'No image has {channels} channels; 1, 3 and 4 are known.')
  image = _upright(image)
  if image.mode.startswith('I'):  # 16 bits: the high byte, as Pillow's for RGB
    high = np.clip(np.asarray(image).astype(np.int64) >> 8, 0, 255)
    image = Image.fromarray(high.astype(np.uint8))
  try:
    if channels != 4 and image.has_transparency_data:
      image = image.convert('RGBA')
      white = Image.new('RGBA', image.size, 'white')
      image = Image.alpha_composite(white, image)
    pixels = np.array(image.convert(MODES[channels]))
  except ValueError as error:
    mode = image.mode
    raise UserError(f'An image of mode {mode} has no {MODES[channels]}.') from (
      error
    )
  return pixels.reshape(*pixels.shape[:2], channels)


def _upright(image: Image.Image) -> Image.Image:
  """Turns a picture as its EXIF says.

  Pillow's own `exif_transpose` also rewrites the EXIF, and so fails on photos
  that have nothing wrong but a note of the camera's.
  """
  turn = _turn(image)
  return image if turn is None else image.transpose(turn)


def _turn(image: Image.Image) -> Image.Transpose | None:
  """What sets a picture upright; None where it is."""
  try:
    return TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
  except Exception:  # notes past reading; the pixels may be good
    return None


def check_pixels(width: int, height: int, name: str) -> None:
  """Refuses a picture that would fill the memory.

  Raises:
    UserError: it has more than `MAX_PIXELS`.
  """
  if width * height > MAX_PIXELS:
    raise UserError(
      f'{name} of {width} x {height} pixels is too large; '
      f'{MAX_PIXELS // 10**6} million pixels are the most.'
    )
