"""The one language: architecture specs, in pure Python."""

from mobilenet_jax.arch.counts import Counts, Layer, block_name, count, layers
from mobilenet_jax.arch.jsonform import from_json, to_json
from mobilenet_jax.arch.notation import from_string, to_string
from mobilenet_jax.arch.oneof import OneOf, decisions, one_of, pick, resolve
from mobilenet_jax.arch.shapes import BlockIO, block_io, shapes
from mobilenet_jax.arch.spec import (
  ACTIVATIONS,
  ArchSpec,
  Block,
  Conv,
  Dense,
  DepthwiseSeparable,
  InvertedResidual,
  Pool,
  SpecError,
  check,
  expanded_channels,
  has_expansion,
  has_shortcut,
  squeezed_channels,
)
from mobilenet_jax.arch.variants import BlockVariants, variants

__all__ = [
  'ACTIVATIONS',
  'ArchSpec',
  'Block',
  'BlockIO',
  'BlockVariants',
  'Conv',
  'Counts',
  'Dense',
  'DepthwiseSeparable',
  'InvertedResidual',
  'Layer',
  'OneOf',
  'Pool',
  'SpecError',
  'block_io',
  'block_name',
  'check',
  'count',
  'decisions',
  'expanded_channels',
  'from_json',
  'from_string',
  'has_expansion',
  'has_shortcut',
  'layers',
  'one_of',
  'pick',
  'resolve',
  'shapes',
  'squeezed_channels',
  'to_json',
  'to_string',
  'variants',
]
