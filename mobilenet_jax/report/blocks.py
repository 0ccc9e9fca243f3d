"""A network block by block: shapes, counts, and latency from a run's table."""

import csv
import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mobilenet_jax.arch import (
  ArchSpec,
  Block,
  BlockIO,
  InvertedResidual,
  block_name,
  expanded_channels,
  has_shortcut,
  layers,
  shapes,
  squeezed_channels,
)
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.report.units import TIMES

KEY = (
  'kind', 'in_size', 'in_channels', 'out_channels', 'kernel', 'stride',
  'expanded', 'squeezed', 'activation', 'shortcut',
)  # fmt: skip
Prices = Mapping[tuple[str, ...], float]  # values of KEY as text: ms
ACTIVATIONS = {
  'relu': 'ReLU',
  'relu6': 'ReLU6',
  'hard_swish': 'h-swish',
  'swish': 'swish',
  'gelu': 'GELU',
  'linear': 'linear',
}


@dataclass(frozen=True)
class BlockRow:
  """One block of a network, and what it costs.

  Attributes:
    expanded: channels of the depthwise convolution; 0 where there is none.
    squeezed: channels inside squeeze-and-excite; 0 is none.
    ms: latency of the block alone; None where the table does not have it.
  """

  index: int
  block: Block
  io: BlockIO
  expanded: int
  squeezed: int
  shortcut: bool
  params: int
  macs: int
  ms: float | None

  @property
  def kernel(self) -> int:
    """Side of the spatial convolution; 0 where there is none."""
    return getattr(self.block, 'kernel', 0)

  @property
  def stride(self) -> int:
    """Of the spatial convolution; 0 where there is none."""
    return getattr(self.block, 'stride', 0)

  @property
  def activation(self) -> str:
    """As it is written in papers; '' where there is none."""
    name = getattr(self.block, 'activation', '')
    return ACTIVATIONS.get(name, name)

  @property
  def key(self) -> tuple[str, ...]:
    """What the table knows the block by."""
    values = (
      self.block.kind, self.io.in_size, self.io.in_channels,
      self.io.out_channels, self.kernel, self.stride, self.expanded,
      self.squeezed, getattr(self.block, 'activation', ''), int(self.shortcut),
    )  # fmt: skip
    return tuple(str(value) for value in values)

  def __str__(self) -> str:
    parts = [self.block.kind]
    if self.kernel:
      parts.append(f'{self.kernel}{TIMES}{self.kernel}')
    if isinstance(self.block, InvertedResidual):
      parts.append(f'{TIMES}{self.block.expand_ratio:.3g} = {self.expanded}')
    if self.squeezed:
      parts.append(f'SE {self.squeezed}')
    if self.activation:
      parts.append(self.activation)
    if self.stride > 1:
      parts.append(f'stride {self.stride}')
    return ', '.join(parts) + f' → {self.io.out_channels}'


def read_prices(path: Path, dtype: str) -> Prices:
  """Reads the milliseconds of the blocks in a latency table.

  Raises:
    UserError: the file cannot be read or is no latency table.
  """
  try:
    rows = list(csv.DictReader(path.read_text().splitlines()))
    return {
      tuple(row[name] for name in KEY): float(row['ms'])
      for row in rows
      if row['dtype'] == dtype
    }
  except OSError as error:
    raise UserError(f'Cannot read {path}: {error.strerror}.') from error
  except (csv.Error, KeyError, TypeError, ValueError) as error:
    raise UserError(f'{path} is no latency table ({error}).') from error


def block_rows(spec: ArchSpec, prices: Prices) -> list[BlockRow]:
  """The blocks of a concrete spec in order."""
  totals: dict[str, tuple[int, int]] = {}
  for layer in layers(spec):
    scope = layer.name.split('/')[0]
    params, macs = totals.get(scope, (0, 0))
    totals[scope] = (params + layer.params, macs + layer.macs)
  rows = []
  for i, (block, io) in enumerate(zip(spec.blocks, shapes(spec), strict=True)):
    expanded = squeezed = 0
    shortcut = False
    if isinstance(block, InvertedResidual):
      expanded = expanded_channels(block, io.in_channels)
      squeezed = squeezed_channels(block, expanded)
      shortcut = has_shortcut(block, io.in_channels)
    counts = totals.get(block_name(i), (0, 0))
    row = BlockRow(i, block, io, expanded, squeezed, shortcut, *counts, None)
    rows.append(dataclasses.replace(row, ms=prices.get(row.key)))
  return rows


def stages(rows: Sequence[BlockRow]) -> list[list[BlockRow]]:
  """Consecutive blocks whose outputs have the same size."""
  groups = itertools.groupby(rows, key=lambda row: row.io.out_size)
  return [list(group) for _, group in groups]


def total_ms(rows: Sequence[BlockRow]) -> float:
  """Sum of the known latencies."""
  return sum(row.ms for row in rows if row.ms is not None)
