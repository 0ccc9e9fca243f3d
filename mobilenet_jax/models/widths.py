"""Which channels of a network belong together, and narrower networks.

A group is the channels that layers share: what a residual block adds to its
input has the channels of the input, a depthwise convolution and the gates
those of the expansion that they follow. A group is named by the block that
makes it first ('block_03'); inside a block, by its part as well
('block_03.expand', 'block_03.squeeze'). No JAX.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mobilenet_jax.arch import (
  ArchSpec,
  Block,
  BlockIO,
  Conv,
  Flatten,
  InvertedResidual,
  Layer,
  block_name,
  check,
  expanded_channels,
  has_expansion,
  has_shortcut,
  shapes,
)
from mobilenet_jax.arch.mobile import RATIO, Expanding, Shortcut
from mobilenet_jax.core.errors import UserError

STEP = 8  # channels come in multiples of it, and it is the least
IMAGE = 'image'

# of each layer of a block, whose channels go in and which come out
INNER = {
  'expand': ('in', 'expand'),
  'depthwise': ('expand', 'expand'),
  'project': ('expand', 'out'),
}
GATES = ('squeeze_excite/reduce', 'squeeze_excite/expand')
ENDS: Mapping[str, Mapping[str, tuple[str, str]]] = {
  'conv': {'': ('in', 'out')},
  'dense': {'': ('in', 'out')},
  'pool': {},
  'flat': {},
  'max': {},
  'ds': {'depthwise': ('in', 'in'), 'project': ('in', 'out')},
  'ir': {
    **INNER, GATES[0]: ('expand', 'squeeze'), GATES[1]: ('squeeze', 'expand'),
  },
  'se': {GATES[0]: ('in', 'squeeze'), GATES[1]: ('squeeze', 'in')},
  'fused': INNER,
  'uib': {**INNER, 'start': ('in', 'in'), 'layer_scale': ('out', 'out')},
  'mqa': {
    '': ('in', 'in'),
    'query': ('in', 'query'),
    'key_down': ('in', 'in'),
    'key_project': ('in', 'key'),
    'value_down': ('in', 'in'),
    'value_project': ('in', 'value'),
    'output': ('mixed', 'out'),
    'layer_scale': ('out', 'out'),
  },
}  # fmt: skip


@dataclass(frozen=True)
class Width:
  """A group of channels that can be made narrower.

  Attributes:
    name: of the group.
    channels: how many they are.
    least: how few they can be.
  """

  name: str
  channels: int
  least: int = STEP

  @property
  def fewer(self) -> range:
    """Every smaller number that there is, the smallest first."""
    return range(self.least, self.channels, STEP)


@dataclass(frozen=True)
class Wire:
  """A layer with the groups of its input and its output.

  Attributes:
    layer: within the whole network.
    inputs, outputs: names of groups.
    makes: whether it makes new channels of all that come in: depthwise
      convolutions, gates and scales only change what is there.
  """

  layer: Layer
  inputs: str
  outputs: str
  makes: bool


@dataclass(frozen=True)
class _Place:
  """A block where it stands."""

  name: str
  block: Block
  io: BlockIO
  inputs: str  # groups
  outputs: str

  @property
  def expands(self) -> bool:
    """Whether it has an expansion of its own."""
    if isinstance(self.block, InvertedResidual):
      return has_expansion(self.block, self.io.in_channels)
    return isinstance(self.block, Expanding)

  @property
  def wide(self) -> int:
    """Channels of the expansion."""
    assert isinstance(self.block, Expanding)
    return expanded_channels(self.block, self.io.in_channels)

  def group(self, end: str) -> str:
    """The group that is called so in `ENDS`."""
    if end == 'in' or (end == 'expand' and not self.expands):
      return self.inputs
    return self.outputs if end == 'out' else f'{self.name}.{end}'


def wires(spec: ArchSpec) -> tuple[Wire, ...]:
  """Every layer of a concrete spec with its groups, in order.

  Raises:
    UserError: a block has channels in groups of another kind.
  """
  found = []
  for place in _places(spec):
    ends = ENDS[place.block.kind]
    for layer in place.block.layers(place.io):
      inputs, outputs = map(place.group, ends[layer.name])
      makes = layer.groups == 1 and layer.weights > 0 and layer.name != GATES[1]
      found.append(Wire(layer.at(place.name), inputs, outputs, makes))
  return tuple(found)


def sizes(spec: ArchSpec) -> dict[str, int]:
  """Channels of every group, in order."""
  found: dict[str, int] = {}
  for wire in wires(spec):
    found.setdefault(wire.inputs, wire.layer.in_channels)
    found.setdefault(wire.outputs, wire.layer.out_channels)
  return found


def widths(spec: ArchSpec) -> tuple[Width, ...]:
  """What of a concrete spec can be made narrower, in order: expansions, and
  the outputs of all blocks but the last; those that shortcuts join are one.

  Raises:
    UserError: see `wires`.
  """
  places = list(_places(spec))
  made = [p for p in places if hasattr(p.block, 'channels')]
  found: dict[str, int] = {}
  for place in made:
    if place.expands:
      found[place.group('expand')] = place.wide
    found.setdefault(place.outputs, place.io.out_channels)
  for fixed in (IMAGE, made[-1].outputs):  # the last are the classes
    found.pop(fixed, None)
  return tuple(
    Width(name, channels, _least(places, name))
    for name, channels in found.items()
  )


def with_widths(spec: ArchSpec, channels: Mapping[str, int]) -> ArchSpec:
  """The network with other numbers of channels in some of its `widths`.

  All else stays: expansions as wide as they were where their input becomes
  narrower, and shortcuts and expansions where they were and nowhere else.
  Squeezed channels that are a share of an expansion follow it.
  """
  blocks = tuple(_changed(place, channels) for place in _places(spec))
  return check(spec.replace(blocks=blocks))


def narrowest(spec: ArchSpec) -> ArchSpec:
  """The network with the fewest channels everywhere."""
  return with_widths(
    spec, {w.name: min(STEP, w.channels) for w in widths(spec)}
  )


def _changed(place: _Place, channels: Mapping[str, int]) -> Block:
  block, io = place.block, place.io
  cin = channels.get(place.inputs, io.in_channels)
  cout = channels.get(place.outputs, io.out_channels)
  changes: dict[str, Any] = {}
  if hasattr(block, 'channels') and cout != io.out_channels:
    changes['channels'] = cout
  if isinstance(block, Expanding):
    changes |= _expansion(place, cin, channels)
  if isinstance(block, Shortcut) and not has_shortcut(block, io.in_channels):
    wider = dataclasses.replace(block, channels=cout)
    if has_shortcut(wider, cin):  # there was none
      changes['residual'] = False
  return dataclasses.replace(block, **changes) if changes else block


def _expansion(
  place: _Place, cin: int, channels: Mapping[str, int]
) -> dict[str, Any]:
  """What changes of an expanding block's expansion."""
  if not place.expands:
    return {} if cin == place.io.in_channels else {'expand_ratio': 1.0}
  wide = channels.get(place.group('expand'), place.wide)
  if (wide, cin) == (place.wide, place.io.in_channels):
    return {}
  changes: dict[str, Any] = {'expand_ratio': wide / cin}
  if isinstance(place.block, InvertedResidual) and wide == cin:
    changes['full'] = True  # the expansion stays
  return changes


def _least(places: list[_Place], name: str) -> int:
  """How few channels a group can have: expansions of it are bounded."""
  wide = [p.wide for p in places if p.inputs == name and p.expands]
  least = max([STEP, *(-(-w // RATIO['most']) for w in wide)])
  return -(-least // STEP) * STEP


def _places(spec: ArchSpec) -> Iterator[_Place]:
  stream = IMAGE
  for i, block, io in zip(
    itertools.count(), spec.blocks, shapes(spec), strict=False
  ):
    name = block_name(i)
    if _is_strange(block):
      raise UserError(
        f'{spec.name}, {name}: a {block.kind!r} block cannot be made narrower '
        f'here; of {", ".join(ENDS)} all can, without groups.'
      )
    stays = not hasattr(block, 'channels') or (
      isinstance(block, Shortcut) and has_shortcut(block, io.in_channels)
    )
    made = stream if stays else name
    yield _Place(name, block, io, stream, made)
    stream = made


def _is_strange(block: Block) -> bool:
  grouped = isinstance(block, Conv) and block.groups > 1
  spread = isinstance(block, Flatten) and block.size > 1
  return block.kind not in ENDS or grouped or spread
