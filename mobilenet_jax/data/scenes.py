"""Draws digit scenes: one handwritten digit in a distracting picture.

Scene i of a split is a pure function of (split, i): all its random numbers
come from one Philox stream seeded with these. The pixel count enters only
when drawing, so the same scene exists at every resolution.

Layers, from below: a coloured ground, its texture, pen strokes, pieces of
other digits, the digit itself, grain. Whatever would touch the digit is
erased around it, which is what keeps a hard scene readable.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mobilenet_jax.data import digits, layout, textures
from mobilenet_jax.data.layout import Range, per_scene


@dataclasses.dataclass(frozen=True)
class Look:
  """How scenes vary. Lengths are in scene widths, colours in [0, 1].

  Each scene has a difficulty, 0 to 1. A range written "easy to hard" is walked
  by it; strokes and pieces are each present with that probability. Without the
  easy scenes a network would see nothing to begin from for thousands of steps.
  """

  difficulty: float = 3.0  # exponent on a uniform variate: above 1 is easier
  size: Range = (0.45, 0.8)  # the longer side of the digit's box
  margin: float = 0.03  # kept free between that box and the border
  turn: Range = (0.1, 0.5)  # radians either way, easy to hard
  shear: float = 0.2
  stretch: Range = (0.8, 1.25)  # width against height
  weight: Range = (0.5, 0.65)  # ink level of the outline: bold to thin
  ground: Range = (0.05, 0.6)  # each colour of the ground
  hue: Range = (-0.2, 1.0)  # of the digit, against the ground, before scaling
  contrast: Range = (0.9, 0.25)  # RGB distance to the ground, easy to hard
  texture: Range = (0.05, 0.4)  # RGB deviation at most / contrast, as above
  grain: Range = (0.01, 0.05)  # deviation of each pixel's noise
  strokes: int = 3  # pen strokes a scene, at most
  stroke_length: Range = (0.25, 0.9)
  stroke_width: Range = (0.015, 0.05)
  pieces: int = 3  # pieces of other digits a scene, at most
  piece_size: Range = (0.2, 0.4)
  mimicry: float = 0.7  # how near distractors come to the digit's colour


LOOK = Look()
_SEED = 20190506  # of MobileNetV3's first preprint, as good as any other
_ROLLS = 128  # at least as many uniform variates as one scene uses
_UNIT, _SIGNED, _ANY_TURN = (0.0, 1.0), (-1.0, 1.0), (-np.pi, np.pi)


class Scenes(NamedTuple):
  """A drawn batch of scenes.

  Attributes:
    image: uint8 [N, px, px, 3].
    mask: uint8 [N, px, px, 1], 255 on the digit's strokes, else 0.
    box: float [N, 4], (ymin, xmin, ymax, xmax) of the mask, in [0, 1].
    label: int [N].
    source: int [N], which source digit was drawn.
  """

  image: np.ndarray
  mask: np.ndarray
  box: np.ndarray
  label: np.ndarray
  source: np.ndarray


def draw(split: str, ids: range, px: int, look: Look = LOOK) -> Scenes:
  """Draws scenes `ids` of a split at px by px pixels."""
  streams = [_stream(split, i) for i in ids]
  dice = layout.Dice(np.stack([rng.random(_ROLLS) for rng in streams]))
  source = np.array([_source(split, i) for i in ids])
  pen = _Pen(dice, px, look, dice.roll(_UNIT) ** look.difficulty)

  digit, free = _digit(pen, source)
  ground = dice.roll(look.ground, 3)
  away = dice.roll(look.hue, 3)
  away *= (pen.walk(look.contrast) / np.linalg.norm(away, axis=1))[:, None]
  ink = ground + away
  image = ground.astype(np.float32)[:, :, None, None] + _texture(pen, streams)
  for layer in (_strokes(pen), _pieces(pen, split)):
    colour = dice.roll(_UNIT, 3)
    colour += (ink - colour) * dice.roll((0, look.mimicry), 1)
    _paint(image, layer * free, colour)
  _paint(image, digit, ink)
  image += _grain(pen, streams)
  mask = np.where(digit >= 0.5, np.uint8(255), np.uint8(0))
  return Scenes(
    image=_to_bytes(image),
    mask=mask[..., None],
    box=_boxes(mask),
    label=digits.load().labels[source],
    source=source,
  )


def _stream(split: str, i: int) -> np.random.Generator:
  entropy = (_SEED, list(digits.SHARES).index(split), i)
  return np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))


def _source(split: str, i: int) -> int:
  """Deals classes in turn and, within a class, its source digits in turn."""
  members = digits.split_ids(split)[i % 10]
  return members[i // 10 % len(members)]


@dataclasses.dataclass(frozen=True)
class _Pen:
  """What every layer is drawn with."""

  dice: layout.Dice
  px: int
  look: Look
  hard: np.ndarray  # [N], each scene's difficulty, 0 to 1

  def walk(self, easy_to_hard: Range) -> np.ndarray:
    """Returns [N]: where each scene is on that range."""
    easy, hard = easy_to_hard
    return easy + (hard - easy) * self.hard

  def choose(self) -> np.ndarray:
    """Returns int [M], M <= N: the scenes that get one more distractor."""
    return np.flatnonzero(self.dice.roll(_UNIT) < self.hard)

  def blank(self) -> np.ndarray:
    return np.zeros((len(self.hard), self.px, self.px), np.float32)

  def place(
    self, source: np.ndarray, size: Range, turn: np.ndarray
  ) -> layout.Place:
    look = self.look
    return layout.place(
      source,
      self.dice,
      size=size,
      turn=turn,
      shear=look.shear,
      stretch=look.stretch,
      margin=look.margin,
    )


def _outline(
  ink: np.ndarray, level: np.ndarray, scale: np.ndarray
) -> np.ndarray:
  """Returns opacity [N, px, px]: 1 in strokes, with an edge one pixel soft.

  Args:
    ink: uint8 [N, px, px].
    level: [N], the ink that makes the outline, 0 to 1.
    scale: [N], scene widths a field pixel.
  """
  # Ink falls by about 0.8 a source pixel at a stroke's edge.
  gain = scale * ink.shape[-1] * digits.ENLARGE / 0.8
  opacity = ink * per_scene(gain / 255)
  opacity += per_scene(0.5 - level * gain)
  return np.clip(opacity, 0, 1, out=opacity)


def _digit(pen: _Pen, source: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Returns the digit's opacity [N, px, px], and where others may paint."""
  turn = pen.dice.roll(_SIGNED) * pen.walk(pen.look.turn)
  place = pen.place(source, pen.look.size, turn)
  seen = place.look_up(pen.px)
  level = pen.dice.roll(pen.look.weight)
  digit = _outline(digits.load().ink.take(seen), level, place.scale)
  return digit, digits.load().free.take(seen) * np.float32(1 / 255)


def _texture(pen: _Pen, streams: list[np.random.Generator]) -> np.ndarray:
  """Returns [N, 3, px, px]: two fields, stripes in one, each of one colour."""
  dice, half = pen.dice, textures.noise_size()
  normals = _stack(streams, lambda r: r.standard_normal(2 * half, np.float32))
  first, second = (
    textures.smooth_noise(
      part, dice.roll(_UNIT, len(textures.OCTAVES)) ** 2, pen.px
    )
    for part in (normals[:, :half], normals[:, half:])
  )
  bands = textures.stripes(
    per_scene(0.25 * dice.roll(_UNIT)) * second,
    angle=dice.roll(_ANY_TURN),
    cycles=dice.roll((2, 14)),
    phase=dice.roll(_UNIT),
  )
  first += per_scene(dice.roll(_UNIT)) * (1.5 * bands - first)
  tint = dice.roll(_SIGNED, 3, 2) + 0.8 * dice.roll(_SIGNED, 1, 2)
  tint /= np.linalg.norm(tint, axis=1, keepdims=True)
  depth = pen.walk(pen.look.texture) * pen.walk(pen.look.contrast)
  tint *= depth[:, None, None] * dice.roll(_UNIT, 1, 2)
  fields = np.stack([first, second], axis=1).reshape(-1, 2, pen.px**2)
  return (tint.astype(np.float32) @ fields).reshape(-1, 3, pen.px, pen.px)


def _strokes(pen: _Pen) -> np.ndarray:
  """Returns the opacity [N, px, px] of the pen strokes."""
  dice, look, layer = pen.dice, pen.look, pen.blank()
  for _ in range(look.strokes):
    some = pen.choose()
    stroke = textures.arcs(
      middle=dice.roll(_UNIT, 2)[some],
      angle=dice.roll(_ANY_TURN)[some],
      bend=dice.roll((-4.0, 4.0))[some],
      length=dice.roll(look.stroke_length)[some],
      width=dice.roll(look.stroke_width)[some],
      px=pen.px,
    )
    layer[some] = np.maximum(layer[some], stroke)
  return layer


def _pieces(pen: _Pen, split: str) -> np.ndarray:
  """Returns the opacity [N, px, px] of about half of some digits each."""
  dice, look, layer = pen.dice, pen.look, pen.blank()
  pool = np.concatenate(digits.split_ids(split))
  for _ in range(look.pieces):
    some = pen.choose()
    source = pool[(dice.roll(_UNIT) * len(pool)).astype(int)]
    place = pen.place(source, look.piece_size, dice.roll(_ANY_TURN))[some]
    level, away = dice.roll(look.weight)[some], dice.roll(_ANY_TURN)[some]
    ink = digits.load().ink.take(place.look_up(pen.px))
    piece = _outline(ink, level, place.scale)
    piece *= _side(place.middle, away, pen.px)
    layer[some] = np.maximum(layer[some], piece)
  return layer


def _side(point: np.ndarray, away: np.ndarray, px: int) -> np.ndarray:
  """Returns [N, px, px]: 1 on one side of a line through `point`, else 0."""
  normal = np.stack([np.cos(away), np.sin(away)], axis=1) * px
  x, y = textures.pixel_grid(px)
  along = per_scene(normal[:, 0]) * x
  along = along - per_scene((normal * point).sum(axis=1))
  along = along + per_scene(normal[:, 1]) * y
  return np.clip(along, 0, 1, out=along)


def _grain(pen: _Pen, streams: list[np.random.Generator]) -> np.ndarray:
  """Returns [N, 1, px, px] of noise, the same in all three colours."""
  grain = _stack(streams, lambda rng: rng.random((pen.px,) * 2, np.float32))
  grain -= 0.5
  grain *= per_scene(pen.dice.roll(pen.look.grain) * 12**0.5)
  return grain[:, None]


def _stack(
  streams: list[np.random.Generator],
  draw_one: Callable[[np.random.Generator], np.ndarray],
) -> np.ndarray:
  return np.stack([draw_one(rng) for rng in streams])


def _paint(image: np.ndarray, opacity: np.ndarray, colour: np.ndarray) -> None:
  """Blends a colour [N, 3] over images [N, 3, px, px], in place."""
  change = colour.astype(np.float32)[:, :, None, None] - image
  change *= opacity[:, None]
  image += change


def _to_bytes(image: np.ndarray) -> np.ndarray:
  """Turns floats [N, 3, px, px] in [0, 1] into uint8 [N, px, px, 3]."""
  image *= 255
  np.clip(image, 0, 255, out=image)
  pixels = image.astype(np.uint8)
  return np.ascontiguousarray(np.moveaxis(pixels, 1, -1))


def _boxes(mask: np.ndarray) -> np.ndarray:
  """Returns [N, 4] (ymin, xmin, ymax, xmax) of each mask, in [0, 1]."""
  px = mask.shape[1]
  spans = []
  for axis in (2, 1):  # over x: the rows with ink; over y: the columns
    inked = np.any(mask, axis=axis)
    spans += [inked.argmax(axis=1), px - inked[:, ::-1].argmax(axis=1)]
  return np.stack([spans[0], spans[2], spans[1], spans[3]], axis=1) / px
