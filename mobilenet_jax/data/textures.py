"""Random surfaces for scenes, as vectorised functions of noise grids."""

import functools

import numpy as np

OCTAVES = (3, 5, 9, 17)  # cells across the scene, coarse to fine


@functools.cache
def pixel_grid(px: int) -> tuple[np.ndarray, np.ndarray]:
  """Returns x [1, px] and y [px, 1]: pixel centres, the scene being 1 wide."""
  centres = ((np.arange(px) + 0.5) / px).astype(np.float32)
  return centres[None, :], centres[:, None]


@functools.cache
def _spline(px: int, cells: int) -> np.ndarray:
  """Returns [px, cells + 3]: cubic B-spline weights of a grid at each pixel."""
  at = (np.arange(px) + 0.5) / px * cells
  distance = np.abs(at[:, None] + 1 - np.arange(cells + 3)[None, :])
  near = 2 / 3 - distance**2 + distance**3 / 2
  far = np.clip(2 - distance, 0, None) ** 3 / 6
  return np.where(distance < 1, near, far).astype(np.float32)


def noise_size() -> int:
  """Returns how many normal variates one noise field takes."""
  return sum((cells + 3) ** 2 for cells in OCTAVES)


def smooth_noise(
  variates: np.ndarray, gains: np.ndarray, px: int
) -> np.ndarray:
  """Sums octaves of smooth noise.

  Args:
    variates: float32 [N, noise_size()], standard normal.
    gains: float32 [N, len(OCTAVES)], the weight of each octave.
    px: pixels across.

  Returns:
    float32 [N, px, px], of about unit variance.
  """
  gains = gains / np.linalg.norm(gains, axis=1, keepdims=True)
  total = np.zeros((len(variates), px, px), np.float32)
  start = 0
  for cells, gain in zip(OCTAVES, gains.T, strict=True):
    side = cells + 3
    grid = variates[:, start : start + side**2].reshape(-1, side, side)
    start += side**2
    weights = _spline(px, cells)
    # 2.1: a cubic B-spline leaves about (1 / 2.1)^2 of the grid's variance.
    total += weights @ (grid * (2.1 * gain[:, None, None])) @ weights.T
  return total


def stripes(
  warp: np.ndarray, angle: np.ndarray, cycles: np.ndarray, phase: np.ndarray
) -> np.ndarray:
  """Returns [N, px, px] waves in [-1, 1] of `cycles` a scene, bent by `warp`.

  Args:
    warp: float32 [N, px, px], phase offset in turns.
    angle: [N], radians.
    cycles: [N], waves across the scene.
    phase: [N], turns.
  """
  x, y = pixel_grid(warp.shape[-1])
  kx = (np.cos(angle) * cycles)[:, None, None].astype(np.float32)
  ky = (np.sin(angle) * cycles)[:, None, None].astype(np.float32)
  turns = kx * x + ky * y + warp + phase[:, None, None].astype(np.float32)
  # A triangle wave is as good as a sine here, and far cheaper.
  return 4 * np.abs(turns - np.floor(turns) - 0.5) - 1


def arcs(
  middle: np.ndarray,
  angle: np.ndarray,
  bend: np.ndarray,
  length: np.ndarray,
  width: np.ndarray,
  px: int,
) -> np.ndarray:
  """Draws one pen stroke of constant curvature a row.

  Args:
    middle: [N, 2], the stroke's middle (x, y); the scene is 1 wide.
    angle: [N], direction there, radians.
    bend: [N], curvature, 1 / radius; must not be 0.
    length: [N], distance between its ends, about.
    width: [N], of the pen.
    px: pixels across.

  Returns:
    float32 [N, px, px], opacity.
  """
  x, y = pixel_grid(px)
  column = lambda v: v.astype(np.float32)[:, None, None]
  dx, dy = x - column(middle[:, 0]), y - column(middle[:, 1])
  away = dx * dx + dy * dy
  # Signed distance to a circle through `middle`, stable for large radii:
  # (|p - c|^2 - r^2) / (2 r) = away * bend / 2 - p . normal.
  across = dy * column(np.cos(angle)) - dx * column(np.sin(angle))
  distance = np.abs(away * column(bend / 2) - across)
  inside = np.clip((column(width / 2) - distance) * px + 0.5, 0, 1)
  return inside * np.clip((column(length / 2) ** 2 - away) * px * 4, 0, 1)
