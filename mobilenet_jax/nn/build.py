"""From a block's spec to its Linen module."""

from typing import Any

import flax.linen as nn

from mobilenet_jax import arch
from mobilenet_jax.nn import blocks, mobile, rivals
from mobilenet_jax.nn.blocks import Options

DEFAULT = Options()

MODULES: dict[type, Any] = {
  arch.MaxPool: blocks.MaxPool,
  arch.Dense: blocks.Dense,
  arch.DepthwiseSeparable: mobile.DepthwiseSeparable,
  arch.InvertedResidual: mobile.InvertedResidual,
  arch.FusedInvertedResidual: mobile.FusedInvertedResidual,
  arch.UniversalBottleneck: mobile.UniversalBottleneck,
  arch.MobileAttention: mobile.MobileAttention,
  arch.SqueezeExcite: mobile.SqueezeExciteBlock,
  arch.Fire: rivals.Fire,
  arch.ShuffleUnit: rivals.ShuffleUnit,
  arch.SplitShuffleUnit: rivals.SplitShuffleUnit,
  arch.Inception: rivals.Inception,
  arch.Bottleneck: rivals.Bottleneck,
}  # made of the block's spec and the options


def build_block(
  block: arch.Block, options: Options = DEFAULT, name: str | None = None
) -> nn.Module:
  """Returns the module of a concrete block, called as `m(x, train=...)`."""
  match block:
    case arch.Conv():
      return blocks.ConvNorm(
        block.channels,
        block.kernel,
        block.stride,
        block.activation,
        options,
        block.groups,
        block.dilation,
        block.padding,
        block.norm,
        name=name,
      )
    case arch.Pool():
      return blocks.Pool(name=name)
    case arch.Flatten():
      return blocks.Flatten(block.size, name=name)
  return MODULES[type(block)](block, options, name=name)
