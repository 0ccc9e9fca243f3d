"""Imports a table of another project."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.core.errors import UserError, did_you_mean
from mobilenet_jax.latency.importers.formats import FORMATS, YOURS, Format
from mobilenet_jax.latency.importers.places import Source, gather
from mobilenet_jax.latency.importers.read import read_text
from mobilenet_jax.latency.key import DTYPES
from mobilenet_jax.latency.table import PROVENANCE, LatencyTable

SAYABLE = (*PROVENANCE, 'note')
COUNTS = ('cores', 'threads', 'batch')


def import_table(
  path: str | os.PathLike,
  format: str,
  *,
  provenance: Mapping[str, Any] | None = None,
  arch: ArchSpec | None = None,
) -> LatencyTable:
  """Reads a latency table of another project.

  Args:
    path: the file.
    format: of `FORMATS`.
    provenance: what the user knows of the measurement, of `SAYABLE`; the rest
      is what the file tells or the project publishes.
    arch: the network that was profiled; 'benchmark_model' needs it and no
      other format takes it.

  Returns:
    A table; what of the file has no block of ours, its provenance counts
    under 'skipped'.

  Raises:
    UserError: the file is not whole, not of this format, or a pickle, or
      something that only the user knows is not said.
  """
  if format not in FORMATS:
    hint = did_you_mean(format, FORMATS)
    raise UserError(f'Unknown format {format!r} of latency tables.{hint}')
  chosen, path = FORMATS[format], Path(path)
  _check_arch(format, chosen, arch)
  said = provenance or {}
  about = _about(format, chosen, said)
  text = read_text(path)
  found = chosen.read(Source(str(path), text, about['dtype'], arch))
  if not found.rows:
    raise UserError(f'{path} has no block that is ours.')
  about |= {k: v for k, v in found.about.items() if k not in said}
  if found.skipped:
    about['skipped'] = dict(found.skipped)
  return LatencyTable(gather(found.rows), about, str(path))


def _check_arch(name: str, chosen: Format, arch: ArchSpec | None) -> None:
  if chosen.needs_arch and arch is None:
    raise UserError(
      f'Format {name!r} has no shapes: name the network that was profiled.'
    )
  if arch is not None and not chosen.needs_arch:
    raise UserError(f'Format {name!r} takes no network: its file says shapes.')


def _about(
  name: str, chosen: Format, said: Mapping[str, Any]
) -> dict[str, Any]:
  for key in said:
    if key not in SAYABLE:
      hint = did_you_mean(key, SAYABLE)
      raise UserError(f'Provenance has no {key!r}.{hint}')
  about = {**chosen.about, **{k: _value(k, v) for k, v in said.items()}}
  if 'note' in said and chosen.about.get('note'):
    about['note'] = f'{chosen.about["note"]}; {said["note"]}'
  unsaid = [key for key, value in about.items() if value is YOURS]
  if unsaid:
    raise UserError(
      f'Format {name!r} does not say its {unsaid[0]}: say it, as '
      f'{unsaid[0]}=NAME.'
    )
  if about['dtype'] not in DTYPES:
    raise UserError(
      f'dtype {about["dtype"]!r} is not one of {", ".join(DTYPES)}.'
    )
  return about


def _value(name: str, value: Any) -> Any:
  """A value as our own tables have it: counts are numbers."""
  if isinstance(value, str) and name in COUNTS and value.isdecimal():
    return int(value)
  if value is None or (isinstance(value, str) and not value.strip()):
    raise UserError(f'Provenance {name!r} is empty.')
  return value
