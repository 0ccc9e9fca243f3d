"""How training images are varied: a description, checked when it is made."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from mobilenet_jax.arch.inputs import INTERPOLATIONS
from mobilenet_jax.core.errors import UserError, did_you_mean

CROPS = ('', 'shift', 'inception')
POLICIES = ('', 'autoaugment', 'randaugment')
MOST_LEVEL = 10  # of RandAugment's magnitude
MOST_LAYERS = 14  # as many as there are operations
MOST_REPEATS = 64

# The least and the most of a field.
_BOUNDS = {
  'flip': (0, 1), 'exposure': (0, 1), 'brightness': (0, 1),
  'contrast': (0, 1), 'saturation': (0, 1), 'hue': (0, 0.5),
  'layers': (1, MOST_LAYERS), 'magnitude': (0, MOST_LEVEL),
  'magnitude_std': (0, MOST_LEVEL), 'policy_share': (0, 1),
  'erasing': (0, 1), 'mixup': (0, 100), 'cutmix': (0, 100),
  'mix_share': (0, 1), 'repeats': (1, MOST_REPEATS),
}  # fmt: skip
_CHOICES = {
  'crop': CROPS, 'policy': POLICIES, 'interpolation': INTERPOLATIONS,
}  # fmt: skip
_WHOLE = ('layers', 'repeats')
_RANGES = {'area': 1, 'aspect': 100}  # and the most of their upper ends


@dataclasses.dataclass(frozen=True, kw_only=True)
class Augmentation:
  """How training images are varied, in this order; the default: not at all.

  Attributes:
    crop: '' scales the largest middle square; 'shift' moves that by up to
      1/16 of its side; 'inception' scales a random part (`crops`).
    area: of an Inception crop, as shares of the image.
    aspect: of an Inception crop, width over height.
    interpolation: of an Inception crop.
    flip: probability of a horizontal flip.
    policy: '', 'autoaugment' (arXiv 1805.09501) or 'randaugment' (1909.13719).
    layers, magnitude: RandAugment's N, and its M of 10.
    magnitude_std: of RandAugment's M, drawn anew for every operation.
    policy_share: probability of each of RandAugment's N operations.
    brightness, contrast, saturation, hue: torchvision's ColorJitter.
    erasing: probability of an erased rectangle (arXiv 1708.04896).
    exposure: brightness and contrast by up to this in [-1, 1], `color_jitter`.
    mixup, cutmix: alpha of the beta distribution (arXiv 1710.09412,
      1905.04899); where both are above 0, each has half of the batches.
    mix_share: probability that a batch is mixed at all.
    repeats: how often a batch shows an image (arXiv 1901.09335), each time
      varied anew.

  Raises:
    UserError: a value out of its range.
  """

  crop: str = ''
  area: tuple[float, float] = (0.08, 1.0)
  aspect: tuple[float, float] = (3 / 4, 4 / 3)
  interpolation: str = 'bilinear'
  flip: float = 0.0
  policy: str = ''
  layers: int = 2
  magnitude: float = 9.0
  magnitude_std: float = 0.0
  policy_share: float = 1.0
  brightness: float = 0.0
  contrast: float = 0.0
  saturation: float = 0.0
  hue: float = 0.0
  erasing: float = 0.0
  exposure: float = 0.0
  mixup: float = 0.0
  cutmix: float = 0.0
  mix_share: float = 1.0
  repeats: int = 1

  def __post_init__(self):
    for name, choices in _CHOICES.items():
      _check_choice(name, getattr(self, name), choices)
    for name, (least, most) in _BOUNDS.items():
      _check_number(name, getattr(self, name), least, most)
    for name, most in _RANGES.items():
      _check_range(name, getattr(self, name), most)

  @property
  def jitter(self) -> tuple[float, float, float, float]:
    """Brightness, contrast, saturation and hue."""
    return self.brightness, self.contrast, self.saturation, self.hue

  @property
  def one_by_one(self) -> bool:
    """Whether images are varied singly, not a batch at once."""
    varied = self.flip or self.policy or any(self.jitter) or self.erasing
    return self.crop == 'inception' or bool(varied)

  @property
  def mixes(self) -> bool:
    """Whether labels become shares of classes."""
    return self.mixup > 0 or self.cutmix > 0


def make_augmentation(fields: Mapping[str, Any]) -> Augmentation:
  """The augmentation of a config subtree of some of its fields.

  Raises:
    UserError: an unknown field, or a value out of its range.
  """
  known = [field.name for field in dataclasses.fields(Augmentation)]
  for name in fields:
    if name not in known:
      hint = did_you_mean(name, known)
      raise UserError(f'Augmentation has no field {name!r}.{hint}')
  values: dict[str, Any] = dict(fields)
  for name in _RANGES.keys() & values.keys():
    if isinstance(values[name], list):  # JSON has no tuples
      values[name] = tuple(values[name])
  return Augmentation(**values)


def _check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
  if value not in choices:
    known = ', '.join(map(repr, choices))
    raise UserError(f'Augmentation {name} is {value!r}; known: {known}.')


def _check_number(name: str, value: Any, least: float, most: float) -> None:
  if not isinstance(value, int | float):
    raise UserError(f'Augmentation {name} is {value!r}, no number.')
  if not least <= value <= most:
    raise UserError(
      f'Augmentation {name} is {value}; it is from {least} to {most}.'
    )
  if name in _WHOLE and not isinstance(value, int):
    raise UserError(f'Augmentation {name} is {value}, no whole number.')


def _check_range(name: str, value: Any, most: float) -> None:
  numbers = isinstance(value, tuple) and all(
    isinstance(end, int | float) for end in value
  )
  if not numbers or len(value) != 2 or not 0 < value[0] <= value[1] <= most:
    raise UserError(
      f'Augmentation {name} is {value}; it is two numbers above 0, the second'
      f' not below the first and at most {most}.'
    )


SHIFT_AND_JITTER = Augmentation(crop='shift', exposure=0.2)
INCEPTION = Augmentation(crop='inception', flip=0.5)
