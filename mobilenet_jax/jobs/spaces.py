"""What there is to know of a search space before it is searched. No JAX."""

from typing import Any

from mobilenet_jax.arch import count, to_string
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.bounds import price_bounds
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.latency.tensors import price_tensors, space_keys
from mobilenet_jax.report.space_drawing import check_drawing, draw_space
from mobilenet_jax.space import SearchSpace, get_space, list_spaces
from mobilenet_jax.space.words import choices_in_words

CLASSES = 1000
SHOWN = 20  # blocks that a table lacks, by name


def catalogue(num_classes: int | None = None) -> list[dict[str, Any]]:
  """All spaces: 'name', 'resolution', 'size' and number of 'decisions'."""
  spaces = [
    get_space(name, None, num_classes or CLASSES) for name in list_spaces()
  ]
  return [
    {
      'name': space.spec.name,
      'resolution': space.resolutions[-1],
      'size': space.size,
      'decisions': len(space.tags),
    }
    for space in spaces
  ]


def describe(
  name: str,
  resolution: int | None = None,
  num_classes: int | None = None,
  table: str | None = None,
  draw: str | None = None,
) -> dict[str, Any]:
  """Describes a space.

  Args:
    name: of a space, or a user's file.
    table: of latencies; its coverage of the space is told.
    draw: where a picture is written.

  Returns:
    'name', 'resolutions', 'size' (choice vectors), 'decisions' (choices in
    words, by tag), 'smallest' and 'largest' (of the fewest and most
    multiply-adds: 'arch', 'vector', 'params', 'macs'), 'coverage' (None without
    a table, see `coverage`) and 'picture'.

  Raises:
    UserError: an unknown name, a wrong file or table, or a picture that cannot
      be written.
  """
  if draw is not None:
    check_drawing(draw)
  known = None if table is None else LatencyTable.load(table)
  classes = CLASSES if num_classes is None else num_classes
  space = get_space(name, resolution, classes)
  if draw is not None:
    draw_space(space, draw)
  return {
    'name': space.spec.name,
    'resolutions': list(space.resolutions),
    'classes': classes,
    'size': space.size,
    'decisions': choices_in_words(space.spec),
    'smallest': _network(space, space.smallest(), 'smallest'),
    'largest': _network(space, space.largest(), 'largest'),
    'coverage': None
    if known is None
    else {'table': table, **coverage(space, known)},
    'picture': draw,
  }


def coverage(space: SearchSpace, table: LatencyTable) -> dict[str, Any]:
  """How much of a space a table prices.

  Returns:
    'device', 'chip', 'dtype', 'blocks' (that the space has), 'known' (of
    them), 'missing' (by kind, how many), 'missing_examples', and 'fastest_ms'
    and 'slowest_ms' of the networks: with estimates of missing blocks where
    there are some, None where they cannot be estimated.
  """
  wanted = space_keys(space.spec, table.dtype)
  lacking = [key for key in wanted if table.missing([key])]
  kinds = [key.kind for key in lacking]
  low, high = _bounds(space, table)
  return {
    'device': table.provenance['device'],
    'chip': table.provenance['chip'],
    'dtype': table.dtype,
    'blocks': len(wanted),
    'known': len(wanted) - len(lacking),
    'missing': {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)},
    'missing_examples': [str(key) for key in lacking[:SHOWN]],
    'fastest_ms': low,
    'slowest_ms': high,
  }


def _bounds(
  space: SearchSpace, table: LatencyTable
) -> tuple[float, float] | tuple[None, None]:
  try:
    return price_bounds(price_tensors(space.spec, table, 'interpolate'))
  except UserError:  # the table has no such kind of block
    return None, None


def _network(
  space: SearchSpace, vector: tuple[int, ...], name: str
) -> dict[str, Any]:
  spec = space.decode(vector, name)
  found = count(spec)
  return {
    'arch': to_string(spec),
    'resolution': spec.resolution,
    'blocks': len(spec.blocks),
    'vector': list(vector),
    'params': found.params,
    'macs': found.macs,
  }
