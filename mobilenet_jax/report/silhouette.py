"""The outline of a network: as wide as there are channels."""

import math
from collections.abc import Sequence

from mobilenet_jax.report.blocks import BlockRow
from mobilenet_jax.report.markup import Html, join, tag

LEFT, HALF, BAR = 88, 40, 92  # left edge, half of the widest, longest bar
ROW = 40  # height of a block


class Scale:
  """Channels and milliseconds to pixels."""

  def __init__(self, rows: Sequence[BlockRow], in_channels: int):
    widths = [max(r.io.out_channels, r.expanded) for r in rows]
    self._channels = max([in_channels, *widths])
    self._ms = max([row.ms or 0.0 for row in rows]) or 1.0

  def half(self, channels: int) -> float:
    """Half the width of a shape; by the root, or small ones would vanish."""
    return HALF * math.sqrt(channels / self._channels)

  def bar(self, ms: float) -> float:
    """Length of a latency's bar."""
    return BAR * ms / self._ms


def silhouette(row: BlockRow, y: float, scale: Scale, below: float) -> Html:
  """One block's part of it, its shortcut as an arrow; `below` pixels more."""
  x = LEFT + HALF
  first, last = scale.half(row.io.in_channels), scale.half(row.io.out_channels)
  half = [(y, first), (y + ROW, last), (y + ROW + below, last)]
  if row.expanded:
    wide = scale.half(row.expanded)
    half[1:1] = [(y + 10, wide), (y + ROW - 10, wide)]
  right = [(x + w, at) for at, w in half]
  left = [(x - w, at) for at, w in reversed(half)]
  points = ' '.join(f'{a:.1f},{b:g}' for a, b in right + left)
  parts = [tag('polygon', points=points, class_='shape')]
  if row.shortcut:
    edge = LEFT + 2 * HALF
    path = (
      f'M{x + first:.1f} {y + 3:g} H{edge + 4} V{y + ROW - 3:g} '
      f'H{x + last + 4:.1f}'
    )
    tip = f'{x + last:.1f},{y + ROW - 3:g}'
    head = (
      f'{tip} {x + last + 6:.1f},{y + ROW - 6:g} {x + last + 6:.1f},{y + ROW:g}'
    )
    parts.append(tag('path', d=path, class_='shortcut'))
    parts.append(tag('polygon', points=head, class_='tip'))
  return join(parts)
