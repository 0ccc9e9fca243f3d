"""Operations of a profile, given to the blocks of the network that ran.

A profile has no shapes. Convolutions, dense layers and means must come in the
order in which the spec has them; what lies between belongs to the block of
the last of these, and padding or quantization to that of the next.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mobilenet_jax.arch import ArchSpec, Flatten, MaxPool, Pool, shapes
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.importers.operators import is_sum, kind_of
from mobilenet_jax.latency.importers.places import ELSEWHERE, Found, Source
from mobilenet_jax.latency.importers.profile import Op, read_profile
from mobilenet_jax.latency.key import keys
from mobilenet_jax.latency.timing import Timing


@dataclass(frozen=True)
class Anchor:
  """An operation that a block must have.

  Attributes:
    block: its place in the spec.
    layer: what errors call it.
    kinds: of `operators.kind_of`, those that it may be.
  """

  block: int
  layer: str
  kinds: tuple[str, ...]


def benchmark_model(source: Source) -> Found:
  """Rows of a profile of `source.arch`."""
  spec = source.arch
  if spec is None:
    raise UserError(
      f'{source.where} has no shapes: name the network that was profiled.'
    )
  ops = read_profile(source.text, source.where)
  given = align(spec, ops, source.where)
  rows = []
  for key, block in zip(keys(spec, source.dtype), given, strict=True):
    if key.shortcut and not any(is_sum(op) for op in block):
      raise UserError(f'{source.where}: no sum for the shortcut of "{key}".')
    ms = sum(op.ms for op in block)
    rows.append((key, Timing(ms, n=1) if ms else ELSEWHERE))
  return Found(rows)


def align(spec: ArchSpec, ops: Sequence[Op], where: str) -> list[list[Op]]:
  """Operations by block.

  Raises:
    UserError: they do not line up; the first that does not is named.
  """
  given: list[list[Op]] = [[] for _ in spec.blocks]
  anchors = list(_anchors(spec))
  done, block, waiting = 0, 0, []
  for op in ops:
    kind = kind_of(op, where)
    if kind == 'before':
      waiting.append(op)
    elif kind == 'between':
      given[block] += [*waiting, op]
      waiting = []
    else:
      anchor = anchors[done] if done < len(anchors) else None
      if not anchor or kind not in anchor.kinds:
        raise _astray(op, anchor, spec, where)
      block, done = anchor.block, done + 1
      given[block] += [*waiting, op]
      waiting = []
  if done < len(anchors):
    last = anchors[done]
    raise UserError(
      f'{where} ends before {last.layer} of block {last.block} of {spec.name}.'
    )
  given[block] += waiting
  return given


def _anchors(spec: ArchSpec) -> Iterator[Anchor]:
  for i, (block, io) in enumerate(zip(spec.blocks, shapes(spec), strict=True)):
    if isinstance(block, Pool | Flatten):
      yield Anchor(i, 'the pool', ('mean',))
    if isinstance(block, MaxPool):
      yield Anchor(i, 'the pool', ('max',))
    for layer in block.layers(io):
      name = layer.name or block.kind
      if layer.name == 'squeeze_excite/reduce':
        yield Anchor(i, 'the mean of squeeze_excite', ('mean',))
      if not layer.weights:
        continue
      if layer.groups == layer.in_channels > 1:
        yield Anchor(i, name, ('depthwise', 'convolution?'))
      elif layer.kernel == layer.in_size == 1:
        yield Anchor(i, name, ('dense', 'convolution', 'convolution?'))
      else:
        yield Anchor(i, name, ('convolution', 'convolution?'))


def _astray(
  op: Op, anchor: Anchor | None, spec: ArchSpec, where: str
) -> UserError:
  if not anchor:
    return UserError(f'{where}: {spec.name} has nothing left for {op}.')
  return UserError(
    f'{where}: {op} stands where {spec.name} has {anchor.layer} of block '
    f'{anchor.block} ({spec.blocks[anchor.block].kind}).'
  )
