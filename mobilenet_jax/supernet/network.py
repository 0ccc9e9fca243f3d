"""One network that holds the weights of every network of a space.

Weights are those of the largest choices. A smaller width is a mask over the
channels (on CPU what it leaves out is not computed), a smaller kernel the
centre of the largest one, an absent block its shortcut; each operation of a
choice of them has its own. Images are of the resolution that is chosen: weights
fit any. Batch norm uses the statistics of the batch, always. Scopes and layouts
are those of `models.builder`, those of an operation one scope deeper.
"""

import itertools

import flax.linen as nn
from jax import Array

from mobilenet_jax.arch import ArchSpec, OneOf, block_name, variants
from mobilenet_jax.nn.blocks import Options
from mobilenet_jax.supernet.layers import BatchOptions
from mobilenet_jax.supernet.masks import Soft, channel_mask
from mobilenet_jax.supernet.placing import OneOfBlocks, Place, place
from mobilenet_jax.supernet.support import at_largest, check_shareable


class SuperNetwork(nn.Module):
  """The weight-sharing network of an open spec.

  Called on [N, H, W, in_channels] images and the soft choice of every decision
  (but the resolution, which is that of the images) it returns
  [N, num_classes] logits.

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
    options = BatchOptions.of(self.spec, self.options)
    mask = None  # of the channels of x
    rows = variants(at_largest(self.spec))
    for i, found in itertools.groupby(rows, lambda row: row.index):
      slot, several, name = self.spec.blocks[i], tuple(found), block_name(i)
      if isinstance(slot, OneOf):
        optional = any(
          getattr(b, 'keep', True) is not True for b in slot.choices
        )
        module = OneOfBlocks(several, optional, options, name=name)
        x = module(x, soft, mask)
      else:
        x = place(self, Place(several[0], options), name, x, soft, mask)
      if hasattr(several[0].block, 'channels'):
        mask = channel_mask(several[0].block.channels, soft)
    return x
