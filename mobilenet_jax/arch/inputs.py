"""How a network's images are prepared: part of what its weights mean."""

from dataclasses import dataclass

Channels = tuple[float, float, float]

HALF: Channels = (0.5, 0.5, 0.5)
IMAGENET_MEAN: Channels = (0.485, 0.456, 0.406)
IMAGENET_STD: Channels = (0.229, 0.224, 0.225)
INTERPOLATIONS = ('bilinear', 'bicubic', 'nearest')


@dataclass(frozen=True, kw_only=True)
class Inputs:
  """From an 8-bit picture to a network's input.

  The default is what the MobileNets' authors do: [-1, 1].

  Attributes:
    mean, std: of the channels, of pixels in [0, 1].
    crop: share of the resized short side that the central crop keeps.
    squash: resize to a square at once, without any crop.
    interpolation: of the resize, one of `INTERPOLATIONS`.
  """

  mean: Channels = HALF
  std: Channels = HALF
  crop: float = 0.875
  squash: bool = False
  interpolation: str = 'bilinear'


TENSORFLOW = Inputs()
IMAGENET = Inputs(mean=IMAGENET_MEAN, std=IMAGENET_STD)
