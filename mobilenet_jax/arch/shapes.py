"""Shapes along a network: a fold over its blocks, no tracing."""

from dataclasses import dataclass

from mobilenet_jax.arch.spec import ArchSpec, Block, Pool


@dataclass(frozen=True)
class BlockIO:
  """What goes into and comes out of a block: (side, channels).

  The side of a pooled vector is 1.
  """

  in_size: int
  in_channels: int
  out_size: int
  out_channels: int


def block_io(block: Block, in_size: int, in_channels: int) -> BlockIO:
  """Shapes of one block under SAME padding."""
  if isinstance(block, Pool):
    return BlockIO(in_size, in_channels, 1, in_channels)
  stride = getattr(block, 'stride', 1)
  out_size = -(-in_size // stride)
  return BlockIO(in_size, in_channels, out_size, block.channels)


def shapes(spec: ArchSpec) -> tuple[BlockIO, ...]:
  """Shapes of every block of a concrete spec, in order."""
  found = []
  size, channels = spec.resolution, spec.in_channels
  for block in spec.blocks:
    io = block_io(block, size, channels)
    found.append(io)
    size, channels = io.out_size, io.out_channels
  return tuple(found)
