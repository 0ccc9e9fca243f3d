"""The zoo as rows: what every network costs and what was published of it."""

from typing import Any

from mobilenet_jax.arch import count
from mobilenet_jax.models.published import ROWS, published
from mobilenet_jax.models.registry import get_arch, get_model, list_models


def catalogue(
  family: str | None = None, *, grid: bool = False
) -> list[dict[str, Any]]:
  """Returns a row a network, in the order of `list_models`.

  Args:
    family: of these networks only.
    grid: also the other widths and resolutions that have a published figure,
      under their network, wide before narrow and large before small.

  Returns:
    Dicts of 'name', 'family', 'width', 'resolution', 'params', 'macs' (both
    counted here, see `arch.counts`), 'top1' in percent and its 'source'
    (None where nothing is published), and 'elsewhere', None or the nearest
    'resolution' at which there is a 'top1' with its 'source' instead.

  Raises:
    UserError: an unknown family (with the nearest one).
  """
  rows = []
  for name in list_models(family):
    own = (1.0, get_model(name).resolution)
    found = {(r.width, r.resolution) for r in ROWS if r.name == name and grid}
    others = sorted(found - {own}, reverse=True)
    rows += [_row(name, *shape) for shape in (own, *others)]
  return rows


def _row(name: str, width: float, resolution: int) -> dict[str, Any]:
  counts = count(get_arch(name, width, resolution))
  known = published(name, width, resolution)
  return {
    'name': name,
    'family': get_model(name).family,
    'width': width,
    'resolution': resolution,
    'params': counts.params,
    'macs': counts.macs,
    'top1': known.top1 if known else None,
    'source': known.source if known else None,
    'elsewhere': None if known else _elsewhere(name, width, resolution),
  }


def _elsewhere(
  name: str, width: float, resolution: int
) -> dict[str, Any] | None:
  """What was published of a network at another resolution."""
  others = [r for r in ROWS if (r.name, r.width) == (name, width)]
  if not others:
    return None
  near = min(others, key=lambda r: abs(r.resolution - resolution))
  return {
    'resolution': near.resolution,
    'top1': near.top1,
    'source': near.source,
  }
