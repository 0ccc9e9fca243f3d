"""Latencies of whole networks on a device, that a table can be tied to.

A CSV, one published or measured figure a row, and a JSON sidecar: the device,
how it was timed, and who says so. A network may stand in several rows, once
a source.
"""

import dataclasses
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.core.errors import UserError, did_you_mean
from mobilenet_jax.core.files import read_json
from mobilenet_jax.latency.key import DTYPES
from mobilenet_jax.latency.table import PROVENANCE, sidecar

SHIPPED = Path(__file__).parent / 'anchor_sets'
MOST_BYTES = 10_000_000
MOST_SIZE = 10_000  # pixels
NEEDED = tuple(n for n in PROVENANCE if n not in ('dtype', 'source'))


@dataclass(frozen=True)
class Anchor:
  """A network's latency on a device.

  Attributes:
    network: a name of the zoo, or a spec string.
    width, resolution: of a network of the zoo; of a spec string, 1 and its
      own.
    dtype: of the deployed arithmetic, of `DTYPES`.
    ms: milliseconds for one picture.
    source: who says so: a name under 'sources' of the sidecar.
  """

  network: str
  width: float
  resolution: int
  dtype: str
  ms: float
  source: str

  def __str__(self) -> str:
    return f'{self.network} {self.width:g} {self.resolution} ({self.source})'


HEADER = tuple(f.name for f in dataclasses.fields(Anchor))


@dataclass(frozen=True)
class AnchorSet:
  """What is known of a device: latencies, and where they come from.

  Attributes:
    anchors: in the order of the file.
    provenance: the device and how it was timed; 'sources', what each source
      is; 'main_source', the one whose protocol counts.
    path: of the file.
  """

  anchors: tuple[Anchor, ...]
  provenance: Mapping[str, Any]
  path: str = '<memory>'

  def __post_init__(self):
    lacking = [n for n in (*NEEDED, 'sources') if n not in self.provenance]
    if lacking:
      raise UserError(
        f'Anchor set {self.path} lacks provenance: {", ".join(lacking)}.'
      )
    sources = self.provenance['sources']
    if not isinstance(sources, dict):
      raise UserError(f'Anchor set {self.path}: its sources are no object.')
    named = {a.source for a in self.anchors}
    if 'main_source' in self.provenance:
      named.add(str(self.provenance['main_source']))
    stray = min(named - set(sources), default=None)
    if stray is not None:
      raise UserError(
        f'Anchor set {self.path}: {stray!r} is none of its sources.'
        f'{did_you_mean(stray, sources)}'
      )

  @property
  def main_source(self) -> str:
    """The source whose protocol counts: as told, or that of most anchors."""
    names = [a.source for a in self.anchors]
    told = self.provenance.get('main_source')
    return told if told in names else max(dict.fromkeys(names), key=names.count)

  def of(self, dtype: str) -> 'AnchorSet':
    """The anchors of one arithmetic.

    Raises:
      UserError: there are none.
    """
    found = tuple(a for a in self.anchors if a.dtype == dtype)
    if not found:
      known = ', '.join(sorted({a.dtype for a in self.anchors}))
      raise UserError(
        f'Anchor set {self.path} has no {dtype} latencies; it has {known}.'
      )
    return dataclasses.replace(self, anchors=found)

  def specs(self, find: Callable[..., ArchSpec]) -> tuple[ArchSpec, ...]:
    """The networks, in the order of the anchors.

    Args:
      find: from a name or spec string, a width and a resolution, as
        `models.find.find_arch`.

    Raises:
      UserError: a network is not known; its row is named.
    """
    found = []
    for anchor in self.anchors:
      try:
        spec = find(anchor.network, anchor.width, anchor.resolution)
      except UserError as error:
        raise UserError(f'Anchor set {self.path}, {anchor}: {error}') from error
      found.append(spec)
    return tuple(found)


def load_anchors(path: str | os.PathLike) -> AnchorSet:
  """Reads an anchor set and its sidecar.

  Args:
    path: a .csv file, or the name of a shipped set.

  Raises:
    UserError: a file is missing or malformed (the line is named), or the
      provenance is not whole.
  """
  path = _find(path)
  try:
    if path.stat().st_size > MOST_BYTES:
      raise UserError(f'Anchor set {path} is over {MOST_BYTES:,} bytes.')
    text = path.read_text()
  except (OSError, UnicodeDecodeError) as error:
    reason = getattr(error, 'strerror', None) or 'it is not text'
    raise UserError(f'Cannot read anchor set {path}: {reason}.') from error
  if not sidecar(path).exists():
    raise UserError(
      f'Anchor set {path} has no provenance: {sidecar(path)} is missing.'
    )
  provenance = read_json(sidecar(path))
  if not isinstance(provenance, dict):
    raise UserError(f'{sidecar(path)} holds no provenance.')
  return AnchorSet(_read(text, f'Anchor set {path}'), provenance, str(path))


def list_anchors() -> list[str]:
  """Names of the anchor sets that ship with the package."""
  return sorted(path.stem for path in SHIPPED.glob('*.csv'))


def _read(text: str, where: str) -> tuple[Anchor, ...]:
  lines = text.splitlines()
  if not lines or lines[0] != ','.join(HEADER):
    raise UserError(f'{where}: the first line must be "{",".join(HEADER)}".')
  found: dict[Anchor, Anchor] = {}
  for number, line in enumerate(lines[1:], 2):
    anchor = _anchor(line.split(','), f'{where}, line {number}')
    one = dataclasses.replace(anchor, ms=0.0)
    if one in found:
      raise UserError(f'{where}, line {number}: {anchor} stands twice.')
    found[one] = anchor
  if not found:
    raise UserError(f'{where} has no rows.')
  return tuple(found.values())


def _anchor(cells: list[str], where: str) -> Anchor:
  if len(cells) != len(HEADER):
    raise UserError(f'{where}: {len(cells)} values, not {len(HEADER)}.')
  network, width, resolution, dtype, ms, source = cells
  if not network or not source:
    raise UserError(f'{where}: the network or the source is not named.')
  if dtype not in DTYPES:
    raise UserError(
      f'{where}: dtype {dtype!r} is not one of {", ".join(DTYPES)}.'
    )
  size = _number(resolution, 'resolution', where)
  if size != int(size) or size > MOST_SIZE:
    raise UserError(f'{where}: resolution {resolution!r} is no size in pixels.')
  return Anchor(
    network, _number(width, 'width', where), int(size), dtype,
    _number(ms, 'ms', where), source,
  )  # fmt: skip


def _number(text: str, name: str, where: str) -> float:
  try:
    value = float(text)
  except ValueError:
    raise UserError(f'{where}: {name} {text!r} is not a number.') from None
  if not 0 < value < math.inf:
    raise UserError(f'{where}: {name} {text!r} is not above 0.')
  return value


def _find(path: str | os.PathLike) -> Path:
  """The file of a path, or of the name of a shipped set."""
  text = os.fspath(path)
  if text.endswith('.csv') or '/' in text or Path(text).exists():
    return Path(path)
  if text not in list_anchors():
    raise UserError(
      f'No anchor set {text!r}: neither a .csv file nor a shipped one.'
      f'{did_you_mean(text, list_anchors())}'
    )
  return SHIPPED / f'{text}.csv'
