"""Which spaces have a weight-sharing network. No JAX."""

import functools

from mobilenet_jax.arch import (
  ArchSpec,
  Block,
  BlockVariants,
  Conv,
  Dense,
  DepthwiseSeparable,
  FusedInvertedResidual,
  InvertedResidual,
  MaxPool,
  OneOf,
  Pool,
  SqueezeExcite,
  UniversalBottleneck,
  open_fields,
  variants,
)
from mobilenet_jax.core.errors import UserError

SEARCHED: dict[type[Block], tuple[str, ...]] = {  # the fields that may be open
  Conv: ('kernel', 'channels', 'activation'),
  DepthwiseSeparable: ('kernel', 'channels', 'activation'),
  InvertedResidual: (
    'kernel', 'expand_ratio', 'channels', 'squeeze_excite', 'activation',
    'residual',
  ),
  FusedInvertedResidual: (
    'kernel', 'expand_ratio', 'channels', 'activation', 'residual',
  ),
  UniversalBottleneck: (
    'start_kernel', 'kernel', 'expand_ratio', 'channels', 'activation',
    'residual',
  ),
  Dense: ('channels',),
}  # fmt: skip  # and `keep` of every kind
PASSING = (Pool, MaxPool, SqueezeExcite)  # channels of zeros stay zeros


@functools.lru_cache(maxsize=64)
def check_shareable(spec: ArchSpec) -> None:
  """Refuses a space that the weight-sharing network cannot hold.

  Raises:
    UserError: a block or a field of one has no weight-sharing form; it is
      named.
  """
  for row in variants(at_largest(spec)):
    which = ''
    if isinstance(spec.blocks[row.index], OneOf):
      which = f', alternative {row.number}'
    where = f'{spec.name}, block {row.index}{which} ({row.block.kind})'
    _check_row(row, where)


def _check_one_resolution(spec: ArchSpec, what: str) -> None:
  """Refuses a space whose resolution is searched.

  Args:
    what: that takes images of one size, and why, in words.

  Raises:
    UserError: the resolution is a decision.
  """
  if isinstance(spec.resolution, OneOf):
    raise UserError(
      f'{spec.name} searches its resolution, and {what}; give the space one '
      "resolution, or search it by 'tunas', 'sandwich' or 'trials'."
    )


def check_mixable(spec: ArchSpec) -> None:
  """Refuses a space whose choices cannot be mixed in one network.

  Raises:
    UserError: the resolution is a decision.
  """
  _check_one_resolution(
    spec, 'what choices make is mixed, which has to be of one size'
  )


def check_together(spec: ArchSpec) -> None:
  """Refuses a space whose networks cannot be trained in one program.

  Raises:
    UserError: the resolution is a decision.
  """
  _check_one_resolution(
    spec, 'many networks in one program see images of one size'
  )


def at_largest(spec: ArchSpec) -> ArchSpec:
  """The space with its largest resolution alone; weights fit any of them."""
  side = spec.resolution
  if not isinstance(side, OneOf):
    return spec
  return spec.replace(resolution=max(side.choices))


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
    'of one convolution in every choice; leave 0 out of kernel, or make a '
    'choice of two blocks of it, one of them without a kernel.'
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
  known = (*(SEARCHED[type(block)] if shared else ()), 'keep')
  for name in open_fields(block):
    if name not in known:
      raise UserError(f'{where}: a searched {name} has no weight-sharing form.')
  if isinstance(row.in_channels, OneOf) and not _takes_masked(block, shared):
    raise UserError(
      f'{where}: a {block.kind!r} block has no weight-sharing form that is '
      'given a searched number of channels.'
    )
  if isinstance(block, UniversalBottleneck):
    strides_of(block)


def _takes_masked(block: Block, shared: bool) -> bool:
  """Whether channels that are zeros count for nothing in what it returns."""
  if isinstance(block, Conv):
    return block.groups == 1
  return shared or isinstance(block, PASSING)
