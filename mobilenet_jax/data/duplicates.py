"""Images that are there twice: the same pixels, or nearly the same picture."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from PIL import Image

NEAR = 3  # bits of 64 in which the difference hashes of near-duplicates differ
BAND_BITS = 16  # of four bands one is equal where three bits differ at most
FLAT = 16  # grey levels; a picture of less contrast has no difference hash
CROWD = 512  # near-duplicates are not looked for among more that share a band
MOST = 10_000  # pairs


def pixel_hash(image: np.ndarray) -> bytes:
  """16 bytes that are the same for the same uint8 [H, W, C] only."""
  digest = hashlib.blake2b(repr(image.shape).encode(), digest_size=16)
  digest.update(np.ascontiguousarray(image).data)
  return digest.digest()


def difference_hash(image: np.ndarray) -> int:
  """64 bits: is a cell of a 9 x 8 grey grid brighter than the next one right?

  Source: the "dHash" of N. Krawetz, Kind of Like That, 2013.

  Args:
    image: uint8 [H, W, 3].

  Returns:
    The bits as an integer; 0 for a picture that is all but flat.
  """
  small = Image.fromarray(image).convert('L')
  grid = np.asarray(small.resize((9, 8), Image.Resampling.BOX)).astype(int)
  if np.ptp(grid) < FLAT:
    return 0
  bits = np.packbits(grid[:, :-1] > grid[:, 1:])
  return int.from_bytes(bits.tobytes(), 'big')


def same(hashes: Sequence[bytes]) -> list[list[int]]:
  """Groups of two and more positions that hold the same hash."""
  places = defaultdict(list)
  for i, one in enumerate(hashes):
    places[one].append(i)
  return [group for group in places.values() if len(group) > 1]


def near(hashes: Sequence[int]) -> list[tuple[int, int]]:
  """Pairs of positions whose difference hashes differ in `NEAR` bits at most.

  Args:
    hashes: 64 bits each; 0 is near nothing.

  Returns:
    Sorted pairs (lesser, greater), `MOST` at most.
  """
  found: set[tuple[int, int]] = set()
  for shift in range(0, 64, BAND_BITS):
    bands = defaultdict(list)
    for i, one in enumerate(hashes):
      if one:
        bands[one >> shift & (1 << BAND_BITS) - 1].append(i)
    for group in bands.values():
      if len(group) > CROWD:
        continue
      for i, k in combinations(group, 2):
        if (hashes[i] ^ hashes[k]).bit_count() <= NEAR:
          found.add((i, k))
      if len(found) > MOST:
        return sorted(found)[:MOST]
  return sorted(found)
