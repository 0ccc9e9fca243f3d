"""The 1,797 handwritten digits of scikit-learn, split and made drawable.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits,
UCI Machine Learning Repository, 1998, doi:10.24432/C50P49, CC BY 4.0. These
are 8x8 counts of ink, 0 to 16; we enlarge them to smooth "ink fields" whose
level set at about one half is a crisp stroke at any size.
"""

import dataclasses
import functools
from typing import Any

import numpy as np
from PIL import Image

CELLS = 12  # 8 source pixels and 2 empty ones on each side
ENLARGE = 12  # field pixels a source pixel
SIDE = CELLS * ENLARGE  # of a field
INK = 0.5  # the field level that counts as the digit's outline

# Share of each class' source digits that a split draws from. The data set does
# not tell who wrote what, so the splits are disjoint in digits, not in hands.
SHARES = {'train': 0.7, 'validation': 0.1, 'test': 0.2}
_SPLIT_SEED = 8
_SHARPEN = 1.5


@dataclasses.dataclass(frozen=True)
class Digits:
  """Source digits as ink fields.

  Attributes:
    labels: int [D], the digit written.
    ink: uint8 [D, SIDE, SIDE], 255 where ink is full.
    free: uint8 [D, SIDE, SIDE], 0 on ink and near it, 255 away from it.
    centre: float [D, 2], middle (x, y) of the ink's box, in field pixels.
    half: float [D, 2], half the width and height of that box, field pixels.
  """

  labels: np.ndarray
  ink: np.ndarray
  free: np.ndarray
  centre: np.ndarray
  half: np.ndarray


def _blur(cells: np.ndarray) -> np.ndarray:
  """Averages neighbours with weights [1, 2, 1] / 4, twice each way."""
  for axis in (0, 1, 0, 1):
    cells = (2 * cells + np.roll(cells, 1, axis) + np.roll(cells, -1, axis)) / 4
  return cells


def _ink_field(pixels: np.ndarray) -> np.ndarray:
  """Enlarges 8x8 ink counts to a smooth 8-bit field with empty margins."""
  cells = np.pad(np.asarray(pixels, np.float32) * (255 / 16), 2)
  # Adding what a blur takes away opens the loops of 6, 8 and 9.
  cells = cells + _SHARPEN * (cells - _blur(cells))
  field = Image.fromarray(cells).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
  return np.clip(np.asarray(field), 0, 255).astype(np.uint8)


def _free_field(pixels: np.ndarray) -> np.ndarray:
  """Returns where another mark would not touch this digit, softly."""
  ink = _blur(np.pad(np.asarray(pixels, np.float32) * (255 / 16), 2))
  field = Image.fromarray(255 - (ink - 10) * 8)
  field = np.asarray(field.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
  return np.clip(field, 0, 255).astype(np.uint8)


def _ink_box(field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Returns centre and half size, each (x, y), of where there is ink."""
  box = Image.fromarray(
    np.where(field >= 255 * INK, np.uint8(255), np.uint8(0))
  ).getbbox()
  assert box  # every digit has ink
  left, top, right, bottom = box
  low, high = np.array([left, top]), np.array([right, bottom])
  return (low + high) / 2, (high - low) / 2


@functools.cache
def load() -> Digits:
  """Returns all 1,797 source digits (about two seconds, then cached)."""
  from sklearn import datasets  # slow to import

  raw: Any = datasets.load_digits()
  ink = np.stack([_ink_field(pixels) for pixels in raw.images])
  boxes = [_ink_box(field) for field in ink]
  return Digits(
    labels=raw.target,
    ink=ink,
    free=np.stack([_free_field(pixels) for pixels in raw.images]),
    centre=np.stack([centre for centre, _ in boxes]),
    half=np.stack([half for _, half in boxes]),
  )


@functools.cache
def split_ids(split: str) -> tuple[np.ndarray, ...]:
  """Returns, for each class 0 to 9, the source digits of one split."""
  rng = np.random.Generator(np.random.Philox(_SPLIT_SEED))
  before = sum(list(SHARES.values())[: list(SHARES).index(split)])
  members = []
  for label in range(10):
    ids = rng.permutation(np.flatnonzero(load().labels == label))
    start, stop = np.rint(
      len(ids) * np.array([before, before + SHARES[split]])
    ).astype(int)
    members.append(ids[start:stop])
  return tuple(members)
