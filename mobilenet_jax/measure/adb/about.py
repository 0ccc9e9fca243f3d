"""What a phone is, and whether it is fit to be timed."""

import re
import time
from dataclasses import dataclass
from typing import NamedTuple

from mobilenet_jax.core.errors import JobError, UserError
from mobilenet_jax.core.progress import say
from mobilenet_jax.measure.adb.connection import Connection, printable

LEAST_BATTERY = 20  # percent; below, phones save energy
HOT_C = 40.0  # of the battery
HOT_STATUS = 2  # Android's "moderate": it throttles
COOLING_S = 900.0
PAUSE_S = 15.0
CORES = """\
echo "present:$(ls -d /sys/devices/system/cpu/cpu[0-9]* | wc -l)"
for c in /sys/devices/system/cpu/cpu[0-9]*; do
  [ "$(cat $c/online)" = 0 ] && continue
  echo "${c##*/cpu}:$(cat $c/cpufreq/cpuinfo_max_freq):\
$(cat $c/cpufreq/scaling_governor)"
done 2>/dev/null"""


class Core(NamedTuple):
  """A core that is online; what Android does not tell is 0 or 'unknown'."""

  max_khz: int
  governor: str


@dataclass(frozen=True)
class About:
  """What does not change from run to run.

  Attributes:
    serial: of its maker's, whatever the connection is called.
    model, chip, android: its names.
    abis: that it runs, the best first.
    present: number of its cores, online or not: phones switch some off.
    cores: those that are online, by number.
  """

  serial: str
  model: str
  chip: str
  android: str
  abis: tuple[str, ...]
  present: int
  cores: dict[int, Core]

  def pinned(self, cores: tuple[int, ...] | None, threads: int) -> list[int]:
    """The cores to time on: those asked for, or the fastest ones.

    Raises:
      UserError: the phone does not have them.
    """
    fastest = sorted(self.cores, key=lambda n: (self.cores[n].max_khz, n))
    chosen = fastest[-threads:] if cores is None else cores
    if not chosen or not set(chosen) <= set(self.cores):
      raise UserError(f'Cores {cores} are not among {sorted(self.cores)}.')
    if threads > len(self.cores):
      raise UserError(f'{threads} threads: phone has {len(self.cores)} cores.')
    return sorted(chosen)


def about(phone: Connection) -> About:
  """Asks a phone what it is."""
  properties = re.findall(r'(?m)^\[(.*?)\]: \[(.*)\]$', phone.shell('getprop'))
  known = {name: printable(value) for name, value in properties if value}

  def first(*names: str) -> str:
    return next((known[name] for name in names if name in known), 'unknown')

  told = phone.shell('sh', '-c', CORES)
  lines = re.findall(r'(?m)^(\d+):(\d*):(.*)$', told)
  if not lines:
    raise JobError(f'Phone {phone.serial} does not tell of its cores.')
  abis = first('ro.product.cpu.abilist', 'ro.product.cpu.abi').split(',')
  return About(
    known.get('ro.serialno', phone.serial),
    first('ro.product.model'),
    first('ro.soc.model', 'ro.board.platform', 'ro.hardware'),
    first('ro.build.version.release'),
    tuple(abis),
    _number(r'^present:\s*(\d+)', told) or len(lines),
    {int(n): Core(int(khz or 0), gov or 'unknown') for n, khz, gov in lines},
  )


class Fitness(NamedTuple):
  """How a phone fares; None where it does not tell.

  Attributes:
    battery: percent.
    celsius: of the battery.
    throttling: Android's thermal status, 0 (none) to 6.
  """

  battery: float | None
  celsius: float | None
  throttling: int | None

  @property
  def hot(self) -> bool:
    """Whether it should cool down before it is timed."""
    return (self.celsius or 0) >= HOT_C or (self.throttling or 0) >= HOT_STATUS

  def __str__(self) -> str:
    return f'{self.celsius} C, thermal status {self.throttling}'


def fitness(phone: Connection) -> Fitness:
  """Asks a phone how it fares."""
  battery = phone.shell('dumpsys', 'battery', strict=False)
  thermal = phone.shell('dumpsys', 'thermalservice', strict=False)
  level = _number(r'^\s*level: (\d+)', battery)
  scale = _number(r'^\s*scale: (\d+)', battery) or 100
  tenths = _number(r'^\s*temperature: (-?\d+)', battery)
  if re.search(r'(?m)^\s*present: false', battery):
    level = tenths = None
  return Fitness(
    None if level is None else 100 * level / scale,
    None if tenths is None else tenths / 10,
    _number(r'^\s*Thermal Status: (\d+)', thermal),
  )


def _number(pattern: str, text: str) -> int | None:
  match = re.search(pattern, text, re.MULTILINE)
  return int(match[1]) if match else None


def wait_until_fit(phone: Connection) -> None:
  """Waits until a phone is cool.

  Raises:
    JobError: it stays hot, or its battery is low.
  """
  end = time.monotonic() + COOLING_S
  while True:
    now = fitness(phone)
    if now.battery is not None and now.battery < LEAST_BATTERY:
      raise JobError(
        f'The battery of phone {phone.serial} is at {now.battery:.0f} %; '
        f'charge it to {LEAST_BATTERY} % and run it again.'
      )
    if not now.hot:
      return
    if time.monotonic() > end:
      raise JobError(
        f'Phone {phone.serial} stays too hot ({now}); let it cool, without its '
        'case, and run it again: what is measured is kept.'
      )
    say(f'  phone {phone.serial} is hot ({now}); waiting for it to cool.')
    time.sleep(PAUSE_S)
