"""One network that holds the weights of every network of a space.

Weights are those of the largest choices. A smaller width is a mask over the
channels (on CPU what it leaves out is not computed), a smaller kernel the
centre of the largest one, an absent block its shortcut. Batch norm uses the
statistics of the batch, always. Scopes and layouts are those of
`models.builder`.
"""

import flax.linen as nn
from jax import Array

from mobilenet_jax.arch import (
  ArchSpec,
  Conv,
  InvertedResidual,
  MaxPool,
  UniversalBottleneck,
  block_name,
  has_shortcut,
  variants,
)
from mobilenet_jax.nn.blocks import Options
from mobilenet_jax.nn.build import build_block
from mobilenet_jax.supernet.blocks import (
  SuperInvertedResidual,
  SuperUniversalBottleneck,
)
from mobilenet_jax.supernet.layers import BatchOptions, SuperConv
from mobilenet_jax.supernet.masks import Soft, channel_mask, weight_of
from mobilenet_jax.supernet.support import check_shareable, is_plain


class SuperNetwork(nn.Module):
  """The weight-sharing network of an open spec.

  Called on [N, H, W, in_channels] images and the soft choice of every decision
  it returns [N, num_classes] logits.

  Raises:
    UserError: a block has no weight-sharing form; it is named.
  """

  spec: ArchSpec
  options: Options = Options()

  def __post_init__(self):
    check_shareable(self.spec)
    super().__post_init__()

  @nn.compact
  def __call__(self, x: Array, soft: Soft) -> Array:
    spec = self.spec
    options = BatchOptions.of(spec, self.options)
    mask = None  # of the channels of x
    for i, row in enumerate(variants(spec)):
      block, name = row.block, block_name(i)
      match block:
        case InvertedResidual() | UniversalBottleneck():
          residual = isinstance(block, InvertedResidual)
          shared = (
            SuperInvertedResidual if residual else SuperUniversalBottleneck
          )
          # a block is cheap to compute again, dear to keep
          module = nn.remat(shared)(row, options, name=name)
          x = self._with_shortcut(module, x, soft, mask)
          mask = channel_mask(block.channels, soft)
        case Conv() if is_plain(block):
          x = SuperConv(block, options, name=name)(x, soft, inputs=mask)
          mask = channel_mask(block.channels, soft)
        case _:
          x = build_block(block, options, name)(x, train=True)
          mask = mask if isinstance(block, MaxPool) else None
    return x

  def _with_shortcut(
    self, block: nn.Module, x: Array, soft: Soft, mask: Array | None
  ) -> Array:
    """Adds the block to its shortcut; an absent block is not computed."""
    row = block.row
    if not has_shortcut(*row.first()):
      return block(x, soft, mask)
    there = weight_of(row.keep, soft)
    if row.keep is True or self.is_initializing():
      return x + there * block(x, soft, mask)
    return nn.cond(
      there > 0,
      lambda module, x: x + there * module(x, soft, mask),
      lambda module, x: x,
      block,
      x,
    )
