"""Measures a space's or networks' blocks and writes a latency table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilenet_jax.arch import ArchSpec
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.extras import need
from mobilenet_jax.core.files import make_folder
from mobilenet_jax.core.progress import say
from mobilenet_jax.latency.key import BlockKey, keys
from mobilenet_jax.latency.operations import operations
from mobilenet_jax.latency.table import LatencyTable, check_writable
from mobilenet_jax.latency.tensors import space_keys
from mobilenet_jax.measure import collect
from mobilenet_jax.measure.instrument import Instrument, other_condition
from mobilenet_jax.models.find import find_arch
from mobilenet_jax.space import get_space

OPTIONS = {
  'threads': '--threads', 'xnnpack': '--delegate', 'cores': '--cores',
  'tool': '--benchmark-model',
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Wanted:
  """What to measure.

  Attributes:
    space: name of a search space, or None.
    networks: whatever `models.find` finds.
    width, resolution, num_classes: of all of them; their own where None.
    by_operation: the operations that blocks are made of, not the blocks.
  """

  space: str | None = None
  networks: Sequence[str] = ()
  width: float | None = None
  resolution: int | None = None
  num_classes: int | None = None
  by_operation: bool = False

  def specs(self) -> list[ArchSpec]:
    """The networks."""
    return [
      find_arch(name, self.width, self.resolution, self.num_classes)
      for name in self.networks
    ]

  def keys(self, dtype: str) -> tuple[BlockKey, ...]:
    """What is to be timed, each once."""
    found = [key for spec in self.specs() for key in keys(spec, dtype)]
    if self.space:
      classes = 1000 if self.num_classes is None else self.num_classes
      space = get_space(self.space, self.resolution, classes)
      found += space_keys(space.spec, dtype)
    if self.by_operation:
      found = [part for key in found for part in operations(key)]
    return tuple(dict.fromkeys(found))


def open_instrument(device: str, dtype: str, **conditions: Any) -> Instrument:
  """The instrument of a device.

  Args:
    device: 'host', 'jax', 'adb' or 'adb:SERIAL'.
    dtype: of the arithmetic.
    conditions: those that were asked for: threads, xnnpack, cores, tool.

  Raises:
    UserError: an unknown device, or a condition that it does not have.
  """
  name, _, serial = device.partition(':')
  runtime = ('threads', 'xnnpack', 'cores')
  taken = {'host': runtime, 'jax': (), 'adb': (*runtime, 'tool')}
  if name not in taken or (':' in device and (name != 'adb' or not serial)):
    raise UserError(
      f'--device {device!r} is not one of host, jax, adb or adb:SERIAL.'
    )
  strange = [key for key in conditions if key not in taken[name]]
  if strange:
    raise UserError(f'--device={name} does not take {OPTIONS[strange[0]]}.')
  if name == 'jax':
    from mobilenet_jax.measure.jax_device import JaxDevice

    return JaxDevice(dtype)
  need('tflite', f'--device={name}')
  if name == 'host':
    from mobilenet_jax.measure.host import Host

    return Host(dtype, **conditions)
  from mobilenet_jax.measure.adb import Phone

  return Phone(dtype, serial or None, **conditions)


def measure(out: str, instrument: Instrument, wanted: Wanted) -> dict[str, Any]:
  """Writes a latency table of a device, or adds to one.

  Args:
    out: the table; its sidecar stands beside it. What it holds already is
      kept, and not measured again.

  Returns:
    'table', 'blocks', 'chip' and 'networks' (milliseconds by name).

  Raises:
    UserError: an unknown name, or an `out` that cannot be written or holds a
      table of other conditions.
    JobError: the device is lost or too unsteady; what is measured is kept.
  """
  path = _csv(out)
  before = _existing(path, instrument, wanted)
  make_folder(path.parent)
  made = collect.measure(instrument, wanted.keys(instrument.dtype), say, before)
  speed = made.provenance.get('reference_ms')
  rows = {**(before.at_speed(speed).rows if before else {}), **made.rows}
  # a correction of the table that is there stays
  kept = before.provenance if before else {}
  table = LatencyTable(rows, {**kept, **made.provenance, 'unit': _unit(wanted)})
  table.save(path)
  return {
    'table': out,
    'blocks': len(table.rows),
    'chip': table.provenance['chip'],
    'networks': {spec.name: table.price(spec) for spec in wanted.specs()},
  }


def dry_run(out: str, instrument: Instrument, wanted: Wanted) -> dict[str, Any]:
  """Says what `measure` would do, and touches nothing.

  Returns:
    'blocks' wanted, 'known' and 'to_measure', and the 'seconds' it takes.
  """
  before = _existing(_csv(out), instrument, wanted)
  plan = collect.plan(instrument, wanted.keys(instrument.dtype), before)
  say(str(plan))
  return {
    'table': out,
    'blocks': len(plan.wanted),
    'known': len(plan.wanted) - len(plan.todo),
    'to_measure': len(plan.todo),
    'seconds': round(plan.seconds, 1),
  }


def _csv(out: str) -> Path:
  path = Path(out)
  if path.suffix != '.csv':
    raise UserError(f'--out {out} is not a .csv file.')
  return path


def _unit(wanted: Wanted) -> str:
  return 'operation' if wanted.by_operation else 'block'


def _existing(
  path: Path, instrument: Instrument, wanted: Wanted
) -> LatencyTable | None:
  """The table that is there, if it is one of the same conditions."""
  check_writable(path)
  if not path.exists():
    return None
  table = LatencyTable.load(path)
  here = instrument.provenance()
  other = other_condition(table.provenance, here)
  if other:
    raise UserError(
      f'{path} holds a table of other conditions ({other} '
      f'{table.provenance.get(other)!r}, here {here[other]!r}); write to '
      'another.'
    )
  if table.unit != _unit(wanted):
    raise UserError(f'{path} holds a table by {table.unit}; write to another.')
  return table
