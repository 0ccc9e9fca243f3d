"""Measures a space's or networks' blocks and writes a latency table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import make_folder
from mobilenet_jax.jobs.pricing import measured
from mobilenet_jax.latency.key import keys
from mobilenet_jax.latency.tensors import space_keys
from mobilenet_jax.models.find import find_arch
from mobilenet_jax.space import get_space


def measure(
  out: str,
  *,
  space: str | None,
  networks: Sequence[str],
  width: float,
  resolution: int | None,
  num_classes: int,
) -> dict[str, Any]:
  """Writes a latency table of this computer.

  Args:
    out: the table to write; its sidecar stands beside it.
    space: name of a search space, or None.
    networks: whatever `models.find` finds.
    width, resolution, num_classes: of all of them.

  Returns:
    'table', 'blocks', 'chip' and 'networks' (milliseconds by name).

  Raises:
    UserError: an unknown name, or an `out` that cannot be written.
  """
  path = Path(out)
  if path.suffix != '.csv':
    raise UserError(f'--out {out} is not a .csv file.')
  specs = [find_arch(n, width, resolution, num_classes) for n in networks]
  wanted = [key for spec in specs for key in keys(spec)]
  if space:
    found = get_space(space, resolution or 32, num_classes)
    wanted += space_keys(found.spec)
  make_folder(path.parent)
  table = measured(wanted)
  table.save(path)
  return {
    'table': out,
    'blocks': len(table.rows),
    'chip': table.provenance['chip'],
    'networks': {spec.name: table.price(spec) for spec in specs},
  }
