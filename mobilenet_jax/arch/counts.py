"""Parameters and multiply-adds, layer by layer: a fold over a spec.

Convention: trainable parameters only (batch norm's moving statistics are
not); multiply-adds of convolutions and dense layers, squeeze-and-excite's
included; bias, norm, activation, pooling and the products of attention cost
nothing.
"""

from dataclasses import dataclass

from mobilenet_jax.arch.layer import Layer
from mobilenet_jax.arch.spec import ArchSpec, shapes


@dataclass(frozen=True)
class Counts:
  """Totals of a network."""

  params: int
  macs: int


def block_name(index: int) -> str:
  """The scope of a block's parameters."""
  return f'block_{index:02d}'


def layers(spec: ArchSpec) -> tuple[Layer, ...]:
  """Every layer of a concrete spec, in the order of computation."""
  found = []
  for i, (block, io) in enumerate(zip(spec.blocks, shapes(spec), strict=True)):
    found += [layer.at(block_name(i)) for layer in block.layers(io)]
  return tuple(found)


def count(spec: ArchSpec) -> Counts:
  """Trainable parameters and multiply-adds of a concrete spec."""
  rows = layers(spec)
  return Counts(sum(r.params for r in rows), sum(r.macs for r in rows))
