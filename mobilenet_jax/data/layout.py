"""Chance and geometry of a batch of scenes: the dice, and where digits go."""

import dataclasses

import numpy as np

from mobilenet_jax.data import digits, textures

Range = tuple[float, float]


class Dice:
  """Hands out a batch's uniform variates, a few columns at a time."""

  def __init__(self, columns: np.ndarray):
    self._columns = columns  # [N, how many one scene may roll]
    self._next = 0

  def roll(self, span: Range, *shape: int) -> np.ndarray:
    """Returns float [N, *shape], uniform between the ends of `span`."""
    start, self._next = self._next, self._next + int(np.prod(shape))
    if self._next > self._columns.shape[1]:
      raise IndexError(f'a scene rolls more than {self._columns.shape[1]}')
    part = self._columns[:, start : self._next].reshape(-1, *shape)
    return span[0] + (span[1] - span[0]) * part


def per_scene(values: np.ndarray) -> np.ndarray:
  """Reshapes [N] to float32 [N, 1, 1], to meet pictures [N, px, px]."""
  return values.astype(np.float32)[:, None, None]


@dataclasses.dataclass(frozen=True)
class Place:
  """Where source digits lie in their scenes.

  Attributes:
    source: int [N].
    linear: [N, 2, 2], from field pixels relative to the middle of the ink, to
      scene widths.
    middle: [N, 2], where that middle goes, (x, y) in scene widths.
    scale: [N], scene widths a field pixel.
  """

  source: np.ndarray
  linear: np.ndarray
  middle: np.ndarray
  scale: np.ndarray

  def __getitem__(self, some: np.ndarray) -> 'Place':
    parts = (getattr(self, f.name)[some] for f in dataclasses.fields(self))
    return Place(*parts)

  def look_up(self, px: int) -> np.ndarray:
    """Returns int [N, px, px]: the flat index of the field pixel seen there."""
    back = np.linalg.inv(self.linear)
    shift = digits.load().centre[self.source]
    shift = shift - (back @ self.middle[..., None])[..., 0]
    x, y = textures.pixel_grid(px)
    # Fields are finer than scenes and empty at their border, so the nearest
    # pixel will do, and what lies outside may be clipped to the border.
    column, row = (
      np.clip(
        per_scene(back[:, k, 0]) * x
        + per_scene(shift[:, k])
        + per_scene(back[:, k, 1]) * y,
        0,
        digits.SIDE - 1,
      ).astype(np.intp)
      for k in (0, 1)
    )
    row *= digits.SIDE
    row += column
    row += (self.source * digits.SIDE**2)[:, None, None]
    return row


def place(
  source: np.ndarray,
  dice: Dice,
  *,
  size: Range,
  turn: np.ndarray,
  shear: float,
  stretch: Range,
  margin: float,
) -> Place:
  """Lays source digits out at random, their ink wholly inside the scene.

  Args:
    source: int [N], source digits.
    dice: the chances.
    size: of the longer side of the upright box round the ink, scene widths.
    turn: [N], radians.
    shear: at most, either way.
    stretch: of width against height.
    margin: least distance of the box to the border, scene widths.
  """
  wide, lean = dice.roll(stretch), dice.roll((-shear, shear))
  cos, sin, one, zero = np.cos(turn), np.sin(turn), turn * 0 + 1, turn * 0
  matrix = lambda *cells: np.moveaxis(np.array(cells).reshape(2, 2, -1), -1, 0)
  linear = matrix(cos, -sin, sin, cos) @ matrix(wide**0.5, lean, zero, one)
  half = (np.abs(linear) @ digits.load().half[source][..., None])[..., 0]
  scale = dice.roll(size) / (2 * half.max(axis=1))
  reach = half * scale[:, None] + margin
  middle = reach + (1 - 2 * reach) * dice.roll((0, 1), 2)
  return Place(source, linear * scale[:, None, None], middle, scale)
