"""Which spaces have a weight-sharing network. No JAX."""

import functools

from mobilenet_jax.arch import (
  ArchSpec,
  Block,
  BlockVariants,
  Conv,
  Dense,
  InvertedResidual,
  OneOf,
  Pool,
  has_shortcut,
  open_fields,
  variants,
)
from mobilenet_jax.core.errors import UserError

SEARCHED: dict[type[Block], tuple[str, ...]] = {  # the fields that may be open
  Conv: ('channels', 'activation'),
  InvertedResidual: (
    'kernel', 'expand_ratio', 'channels', 'squeeze_excite', 'activation',
    'keep',
  ),
  Pool: (),
  Dense: (),
}  # fmt: skip


@functools.lru_cache(maxsize=64)
def check_shareable(spec: ArchSpec) -> None:
  """Refuses a space that the weight-sharing network cannot hold.

  Raises:
    UserError: the resolution or an operation is searched, or a block or a
      field of one that has no weight-sharing form; it is named.
  """
  if isinstance(spec.resolution, OneOf):
    raise UserError(
      f'{spec.name}: a searched resolution has no weight-sharing form; search '
      'this space by training its networks one by one.'
    )
  for i, slot in enumerate(spec.blocks):
    if isinstance(slot, OneOf):
      raise UserError(
        f'{spec.name}, block {i}: a choice of operations ({slot.tag!r}) has no '
        'weight-sharing form; search this space by training its networks one '
        'by one.'
      )
  for row in variants(spec):
    _check_row(row, f'{spec.name}, block {row.index}')


def _check_row(row: BlockVariants, where: str) -> None:
  block = row.block
  if type(block) not in SEARCHED:
    raise UserError(
      f'{where}: a {block.kind!r} block has no weight-sharing form.'
    )
  for name in open_fields(block):
    if name not in SEARCHED[type(block)]:
      raise UserError(
        f'{where} ({block.kind}): a searched {name} has no weight-sharing form.'
      )
  adds = isinstance(block, InvertedResidual) and has_shortcut(*row.first())
  if row.keep is not True and not adds:
    raise UserError(
      f'{where} ({block.kind}): an optional block without a shortcut has no '
      'weight-sharing form.'
    )
