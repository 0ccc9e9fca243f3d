"""Which spaces have a weight-sharing network. No JAX."""

import functools

from mobilenet_jax.arch import (
  ArchSpec,
  Block,
  BlockVariants,
  Conv,
  Dense,
  InvertedResidual,
  MaxPool,
  OneOf,
  Pool,
  UniversalBottleneck,
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
  UniversalBottleneck: (
    'start_kernel', 'kernel', 'expand_ratio', 'channels', 'activation', 'keep',
  ),
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


def strides_of(spec: UniversalBottleneck) -> tuple[int, int]:
  """Strides of the first and of the second depthwise convolution.

  Raises:
    UserError: the choices disagree on which of them has the block's stride.
  """
  start, kernel = _choices(spec.start_kernel), _choices(spec.kernel)
  if spec.stride == 1 or all(kernel):
    return 1, spec.stride
  if not any(kernel) and all(start):
    return spec.stride, 1
  raise UserError(
    f"A 'uib' block of stride {spec.stride} with start_kernel in {start} and "
    f'kernel in {kernel} has no weight-sharing form: the stride must be that '
    'of one convolution in every choice; leave 0 out of kernel.'
  )


def is_plain(block: Conv) -> bool:
  """Whether a convolution is of all channels, with batch norm."""
  return block.groups == 1 and block.norm


def _choices(value: int | OneOf) -> tuple[int, ...]:
  return value.choices if isinstance(value, OneOf) else (value,)


def _check_row(row: BlockVariants, where: str) -> None:
  block = row.block
  shared = type(block) in SEARCHED and not (
    isinstance(block, Conv) and not is_plain(block)
  )
  known = SEARCHED[type(block)] if shared else ()
  for name in open_fields(block):
    if name not in known:
      raise UserError(
        f'{where} ({block.kind}): a searched {name} has no weight-sharing form.'
      )
  takes = shared or isinstance(block, Dense | Pool | MaxPool)
  if isinstance(row.in_channels, OneOf) and not takes:
    raise UserError(
      f'{where}: a {block.kind!r} block has no weight-sharing form that is '
      'given a searched number of channels.'
    )
  if isinstance(block, UniversalBottleneck):
    strides_of(block)
  if row.keep is not True and not has_shortcut(*row.first()):
    raise UserError(
      f'{where} ({block.kind}): an optional block without a shortcut has no '
      'weight-sharing form.'
    )
