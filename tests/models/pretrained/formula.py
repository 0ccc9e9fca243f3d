"""Weights and images by a formula of name and index: nothing to store.

A hash of whole numbers, so that every machine makes the same bits.
"""

import re
import zlib

import numpy as np

CHUNK = 1 << 22


def noise(name: str, shape: tuple[int, ...]) -> np.ndarray:
  """Numbers in [-1, 1), float32, that look random and depend on the name."""
  count = int(np.prod(shape, dtype=np.int64))
  made = np.empty(count, np.float32)
  seed = np.uint32(zlib.crc32(name.encode()))
  for start in range(0, count, CHUNK):
    x = np.arange(start, min(start + CHUNK, count), dtype=np.uint32)
    x = x * np.uint32(2654435761) + seed
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
      x = (x ^ (x >> np.uint32(shift))) * np.uint32(factor)
    x ^= x >> np.uint32(16)
    made[start : start + len(x)] = (x >> np.uint32(8)).astype(np.float32)
  made *= np.float32(2.0**-23)
  made -= np.float32(1)
  return made.reshape(shape)


# what a vector is, by its name in any of the libraries
KINDS = (
  ('var', r'.*(running_var|moving_variance|batch_normalization.*/vars/3)'),
  ('mean', r'.*(running_mean|moving_mean|batch_normalization.*/vars/2)'),
  ('bias', r'.*(bias|biases|beta|/vars/1)'),
)  # the others are scales


def weight(
  name: str, shape: tuple[int, ...], *, torch: bool, gain: float = 1.0
) -> np.ndarray:
  """A tensor of a library's network, so that activations stay near 1.

  Args:
    name, shape: in its file.
    torch: whether kernels are [out, in, ...], else [..., in, out].
    gain: of kernels, more where activations and gates make signals smaller.
  """
  if name.endswith('num_batches_tracked'):
    return np.zeros(shape, np.int64)
  x = noise(name, tuple(shape))
  if len(shape) > 1:
    depthwise = not torch and len(shape) == 4 and shape[-1] == 1 < shape[0]
    inputs = shape[1:] if torch else shape[:2] if depthwise else shape[:-1]
    return x * np.float32(gain * (6 / np.prod(inputs)) ** 0.5)
  kind = next((k for k, rule in KINDS if re.fullmatch(rule, name)), 'scale')
  if kind in ('mean', 'bias'):
    return x * np.float32(0.2)
  scale = x * np.float32(0.25) + np.float32(1)
  # more would grow from block to block until attention sees one pixel only
  return scale * np.float32(0.2) if 'layer_scale' in name else scale


def images(count: int, side: int) -> np.ndarray:
  """[N, side, side, 3] in about [-1, 1], unlike one another."""
  x = noise('images', (count, side, side, 3))
  wave = np.linspace(-1, 1, side, dtype=np.float32)[:, None, None]
  tint = noise('tint', (count, 1, 1, 3))
  return np.float32(0.5) * x + np.float32(0.5) * wave * tint + tint
