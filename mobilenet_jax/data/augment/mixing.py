"""Mixup and cutmix: a batch's images two by two, and labels as shares.

An image is mixed with its neighbour in the (shuffled) batch, the first with
the second, the third with the fourth, so that a part of a batch can be made
without the rest. As in the authors' code one draw serves the batch.
"""

import math

import numpy as np


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
  """Returns float32 [B, classes] of integer [B]."""
  return (labels[:, None] == np.arange(classes)).astype(np.float32)


def mixup(
  images: np.ndarray,
  targets: np.ndarray,
  rng: np.random.Generator,
  alpha: float,
) -> None:
  """Blends neighbours (arXiv 1710.09412), in place.

  Args:
    images: float32 [B, H, W, C], B even.
    targets: float32 [B, K], shares of classes; blended as images are.
    rng: draws one number.
    alpha: the share of an image itself is Beta(alpha, alpha).
  """
  share = rng.beta(alpha, alpha)
  _blend(images, share)
  _blend(targets, share)


def cutmix(
  images: np.ndarray,
  targets: np.ndarray,
  rng: np.random.Generator,
  alpha: float,
) -> None:
  """Swaps a rectangle of neighbours (arXiv 1905.04899, Algorithm A1), in place.

  Args:
    images: float32 [B, H, W, C], B even.
    targets: float32 [B, K], shares of classes; blended by the areas.
    rng: draws one number and two integers.
    alpha: the share that stays is Beta(alpha, alpha), before the rectangle is
      cut off at the image's edge.
  """
  height, width = images.shape[1:3]
  ratio = math.sqrt(1 - rng.beta(alpha, alpha))
  top, bottom = _extent(height, ratio, rng)
  left, right = _extent(width, ratio, rng)
  part = images[:, top:bottom, left:right]
  part[0::2], part[1::2] = part[1::2].copy(), part[0::2].copy()
  _blend(targets, 1 - (bottom - top) * (right - left) / (height * width))


def _extent(
  side: int, ratio: float, rng: np.random.Generator
) -> tuple[int, int]:
  """Where a rectangle about a random middle starts and ends on a side."""
  half, middle = int(side * ratio) // 2, int(rng.integers(side))
  return max(middle - half, 0), min(middle + half, side)


def _blend(values: np.ndarray, share: float) -> None:
  """Makes each its share of itself, the rest of its neighbour."""
  own, other = np.float32(share), np.float32(1 - share)
  # two by two, which stays in cache
  for first, second in zip(values[0::2], values[1::2], strict=True):
    first[:], second[:] = (
      first * own + second * other,
      second * own + first * other,
    )
