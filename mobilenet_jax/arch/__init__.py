"""The one language: architecture specs, in pure Python."""

from mobilenet_jax.arch.blocks import Conv, Dense, Flatten, MaxPool, Pool
from mobilenet_jax.arch.choicetables import (
  ChoiceTable,
  choice_tables,
  macs_of,
)
from mobilenet_jax.arch.counts import Counts, block_name, count, layers
from mobilenet_jax.arch.fields import ACTIVATIONS
from mobilenet_jax.arch.inputs import IMAGENET, Inputs
from mobilenet_jax.arch.jsonform import from_json, to_json
from mobilenet_jax.arch.layer import BlockIO, Layer
from mobilenet_jax.arch.mobile import (
  DepthwiseSeparable,
  FusedInvertedResidual,
  InvertedResidual,
  MobileAttention,
  SqueezeExcite,
  UniversalBottleneck,
  expanded_channels,
  has_expansion,
  has_shortcut,
  squeezed_channels,
)
from mobilenet_jax.arch.notation import (
  block_from_string,
  block_to_string,
  from_string,
  to_string,
)
from mobilenet_jax.arch.oneof import (
  OneOf,
  alternatives,
  decisions,
  iter_open,
  one_of,
  open_fields,
  pick,
  resolve,
)
from mobilenet_jax.arch.openspec import check_space
from mobilenet_jax.arch.rivals import (
  Bottleneck,
  Fire,
  Inception,
  ShuffleUnit,
  SplitShuffleUnit,
)
from mobilenet_jax.arch.spec import (
  KINDS,
  ArchSpec,
  Block,
  SpecError,
  check,
  check_block,
  check_int,
  check_place,
  is_number,
  shapes,
)
from mobilenet_jax.arch.strides import endpoints, with_output_stride
from mobilenet_jax.arch.variants import BlockVariants, variants
from mobilenet_jax.arch.window import Axis, Padding, axis

__all__ = [
  'ACTIVATIONS',
  'IMAGENET',
  'KINDS',
  'ArchSpec',
  'Axis',
  'Block',
  'BlockIO',
  'BlockVariants',
  'Bottleneck',
  'ChoiceTable',
  'Conv',
  'Counts',
  'Dense',
  'DepthwiseSeparable',
  'Fire',
  'Flatten',
  'FusedInvertedResidual',
  'Inception',
  'Inputs',
  'InvertedResidual',
  'Layer',
  'MaxPool',
  'MobileAttention',
  'OneOf',
  'Padding',
  'Pool',
  'ShuffleUnit',
  'SpecError',
  'SplitShuffleUnit',
  'SqueezeExcite',
  'UniversalBottleneck',
  'alternatives',
  'axis',
  'block_from_string',
  'block_name',
  'block_to_string',
  'check',
  'check_block',
  'check_int',
  'check_place',
  'check_space',
  'choice_tables',
  'count',
  'decisions',
  'endpoints',
  'expanded_channels',
  'from_json',
  'from_string',
  'has_expansion',
  'has_shortcut',
  'is_number',
  'iter_open',
  'layers',
  'macs_of',
  'one_of',
  'open_fields',
  'pick',
  'resolve',
  'shapes',
  'squeezed_channels',
  'to_json',
  'to_string',
  'variants',
  'with_output_stride',
]
