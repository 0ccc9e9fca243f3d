"""The JSON table of Single-Path NAS (arXiv 1904.02877).

    {"0": {"0": ms, "1": ms, "2": ms, "3": ms}, ... "21": ...}

By the block's place in a network of MnasNet's widths at 224 pixels, then by
kernel and expansion. Four networks were profiled, one a column; all of them
have the same first and last block, so the columns of blocks 0 and 21 are four
measurements of one block.

A network's time is that of its blocks 1 to 20 and `REST_MS`, in which the
authors' code has stem, head, classifier and the blocks 0 and 21
(`nas-search/singlepath_supernet.py`). What the blocks 0 and 21 leave of it
cannot be divided, so the stem's row holds it.
"""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from mobilenet_jax.arch import Conv, Dense, InvertedResidual, Pool
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.importers.places import (
  ELSEWHERE,
  Found,
  Row,
  Source,
  number,
  place,
  record,
)
from mobilenet_jax.latency.importers.read import parse_json
from mobilenet_jax.latency.timing import Timing

REST_MS = 19.5999
CHOICES = ((3, 3), (3, 6), (5, 3), (5, 6))  # kernel, expand_ratio
STAGES = ((24, 2), (40, 2), (80, 2), (96, 1), (192, 2))  # channels, stride
LAYERS = 4  # of a stage
BLOCKS = 2 + LAYERS * len(STAGES)
LAST = BLOCKS - 1
NOTE = (
  'blocks 0 and 21 are means of four measurements of one block; the 19.5999 '
  'ms of the rest of the network hold these two, and what they leave (stem, '
  'last convolution, pool and classifier) stands whole at the stem; blocks '
  'of one shape are merged, n counts their values'
)


def single_path_nas(source: Source) -> Found:
  """Rows of a Single-Path NAS table."""
  table = record(
    parse_json(source.text, source.where), map(str, range(BLOCKS)), source.where
  )
  figures = []
  for i in range(BLOCKS):
    where = f'{source.where}, block {i}'
    row: dict[str, Any] = record(table[str(i)], '0123', where)
    figures.append([number(row[c], f'time {c}', where) for c in '0123'])
  return Found(figure_rows(figures, source))


def figure_rows(
  figures: Sequence[Sequence[float]], source: Source
) -> list[Row]:
  """Rows of the times of every block, a column a choice."""
  rest = REST_MS - sum(statistics.fmean(figures[i]) for i in (0, LAST))
  if rest <= 0:
    raise UserError(
      f'{source.where}: blocks 0 and {LAST} take longer than the {REST_MS} ms '
      'that hold them; times are milliseconds.'
    )
  rows = _ends(rest, source)
  blocks = [_fixed(3, 1, 16), *_searched(), _fixed(3, 6, 320)]
  size, channels = 112, 32
  for i, choices in enumerate(blocks):
    for block, ms in zip(choices, figures[i], strict=True):
      where = f'{source.where}, block {i}'
      key = place(block, (size, channels), source.dtype, where)
      rows.append((key, Timing(ms, n=1)))
    size, channels = -(-size // choices[0].stride), choices[0].channels
  return rows


def _ends(rest: float, source: Source) -> list[Row]:
  stem = Conv(kernel=3, stride=2, channels=32)
  last = Conv(kernel=1, channels=1280)
  return [
    (place(stem, (224, 3), source.dtype, 'stem'), Timing(round(rest, 6))),
    (place(last, (7, 320), source.dtype, 'head'), ELSEWHERE),
    (place(Pool(), (7, 1280), source.dtype, 'pool'), ELSEWHERE),
    (
      place(Dense(channels=1000), (1, 1280), source.dtype, 'classifier'),
      ELSEWHERE,
    ),
  ]


def _fixed(kernel: int, ratio: int, channels: int) -> list[InvertedResidual]:
  block = InvertedResidual(kernel=kernel, expand_ratio=ratio, channels=channels)
  return [block] * len(CHOICES)


def _searched() -> list[list[InvertedResidual]]:
  return [
    [
      InvertedResidual(
        kernel=kernel,
        stride=stride if layer == 0 else 1,
        expand_ratio=ratio,
        channels=channels,
      )
      for kernel, ratio in CHOICES
    ]
    for channels, stride in STAGES
    for layer in range(LAYERS)
  ]


def to_json(figures: Sequence[Sequence[float]]) -> Mapping[str, Any]:
  """Times of every block in the format of the authors."""
  return {
    str(i): {str(c): ms for c, ms in enumerate(row)}
    for i, row in enumerate(figures)
  }
