"""An `adb` with phones of its own, for tests: a real command line.

`install` copies this file into a folder as `adb`; beside it lies `world/`,
with `control.json` and a folder a phone, its file system. What `adb shell` is
given is joined with spaces and run by a real /bin/sh in that folder, as on a
phone. `control.json` holds, by serial, what goes wrong:

  state         as `adb devices` says it; 'gone' is not listed
  unplug_at     after so many commands the cable comes loose, in the middle
  unplug_for    for so many commands more
  push_s        a push takes so long
  garbage       so many outputs of benchmark_model are garbage
  slower        every run of benchmark_model makes it so many permille slower
  throttled     from one run to another it is slower by so many permille
  run_s         a run of benchmark_model takes so long; two at once are told
  cold          benchmark_model is slow for so many microseconds of warm-up
  battery       percent
  celsius       of the battery: a list, one an answer, the last one stays
"""

import json
import os
import sys
import time
from pathlib import Path

WORLD = Path(__file__).resolve().parent / 'world'
PHONE = {
  'state': 'device', 'model': 'Pixel_2', 'unplug_at': 0, 'unplug_for': 0,
  'push_s': 0, 'garbage': 0, 'slower': 0, 'throttled': [0, 0, 0], 'run_s': 0,
  'cold': 0, 'battery': 80, 'celsius': [28],
}  # fmt: skip
MAPPED = ('/data/local/tmp', '/sys/devices')
GETPROP = """\
echo '[ro.board.platform]: [msm8998]'
echo '[ro.build.version.release]: [11]'
echo '[ro.product.cpu.abilist]: [arm64-v8a,armeabi-v7a,armeabi]'
echo '[ro.product.model]: [Pixel 2]'
"""
DUMPSYS = """\
n=$(cat "$PHONE/asked" 2>/dev/null || echo 0)
if [ "$1" = thermalservice ]; then
  printf 'IsStatusOverride: false\\nThermal Status: 0\\n'
  exit
fi
echo $((n + 1)) > "$PHONE/asked"
set -- $CELSIUS
[ $n -ge $# ] && n=$(($# - 1))
shift $n
printf 'Current Battery Service state:\\n  present: true\\n'
printf "  level: $BATTERY\\n  scale: 100\\n  temperature: $(($1 * 10))\\n"
"""
# Stands for taskset and for the benchmark_model that it starts: a repeat takes
# as many microseconds as the model has bytes.
TASKSET = """\
[ -x "$2" ] || { echo "taskset: $2: not executable"; exit 1; }
echo "$@" >> "$PHONE/ran"
for word in "$@"; do
  case $word in
    --graph=*) graph=${word#*=} ;;
    --warmup_min_secs=*) warm=${word#*=} ;;
  esac
done
n=$(wc -l < "$PHONE/ran")
if [ "$RUN_S" != 0 ]; then
  mkdir "$PHONE/busy" || { echo 'ERROR: two at once'; exit 1; }
  sleep "$RUN_S"
  rmdir "$PHONE/busy"
fi
left=$(cat "$PHONE/garbage" 2>/dev/null || echo "$GARBAGE")
if [ "$left" -gt 0 ]; then
  echo $((left - 1)) > "$PHONE/garbage"
  printf 'INFO: STARTING!\\nERROR: \\033[31mSegmentation fault\\n'
  exit 1
fi
slower=$((SLOWER * n))
set -- $THROTTLED
[ $n -ge $1 ] && [ $n -lt $2 ] && slower=$((slower + $3))
us=$(($(wc -c < "$graph") * (1000 + slower) / 1000))
first=$((us * 3))
hot=$us
case $warm in 0.0*) hot=$((us + COLD)) ;; esac
avg=$(((first + 4 * hot) / 5))
echo "INFO: STARTING!"
echo "INFO: Running benchmark for at least 5 iterations"
echo "INFO: count=5 first=$first curr=$hot min=$hot max=$first avg=$avg" \
  "std=3 p5=$hot median=$hot p95=$first"
echo
if [ $((us % 2)) = 0 ]; then
  echo "INFO: count=9 curr=$us(all same) p5=$us median=$us p95=$us"
else
  echo "INFO: count=9 first=$us curr=$us min=$us max=$((us + 1))" \
    "avg=$us.0 std=0 p5=$us median=$us p95=$us"
fi
echo
echo "INFO: Inference timings in us: Init: 99, First inference: $first," \
  "Warmup (avg): $avg, Inference (avg): $us"
"""


class Install:
  """The stand-in in a folder.

  Attributes:
    adb: its path, for $ADB.
    tool: a file that looks like benchmark_model for a phone.
  """

  def __init__(self, folder: Path, *serials: str):
    self.adb, self._world = folder / 'adb', folder / 'world'
    self.tool = folder / 'benchmark_model'
    text = Path(__file__).read_text()
    self.adb.write_text(f'#!{sys.executable} -IS\n{text}')
    self.adb.chmod(0o755)
    head = b'\x7fELF' + bytes(14) + (183).to_bytes(2, 'little')
    self.tool.write_bytes(head + bytes(100))
    for serial in serials:
      _make_phone(_root(serial, self._world))
    self._write({serial: dict(PHONE) for serial in serials})

  def set(self, serial: str, **what: object) -> None:
    """Changes what goes wrong with a phone; counting starts again."""
    control = json.loads((self._world / 'control.json').read_text())
    control[serial] |= what
    self._write(control)
    for name in ('commands', 'garbage', 'asked'):
      (_root(serial, self._world) / name).unlink(missing_ok=True)

  def files(self, serial: str) -> list[str]:
    """What lies on a phone."""
    root = _root(serial, self._world) / MAPPED[0][1:]
    return [str(path.relative_to(root)) for path in root.rglob('*')]

  def ran(self, serial: str) -> list[str]:
    """The command lines of benchmark_model on a phone."""
    path = _root(serial, self._world) / 'ran'
    return path.read_text().splitlines() if path.exists() else []

  def _write(self, control: dict) -> None:
    (self._world / 'control.json').write_text(json.dumps(control))


def _make_phone(root: Path) -> None:
  (root / MAPPED[0][1:]).mkdir(parents=True)
  for core in range(8):
    folder = root / f'{MAPPED[1][1:]}/system/cpu/cpu{core}'
    (folder / 'cpufreq').mkdir(parents=True)
    khz = 1900800 if core < 4 else 2457600
    (folder / 'cpufreq/cpuinfo_max_freq').write_text(f'{khz}\n')
    (folder / 'cpufreq/scaling_governor').write_text('schedutil\n')
    if core:
      (folder / 'online').write_text('0\n' if core == 7 else '1\n')
  (root / 'bin').mkdir()
  for name, text in (
    ('getprop', GETPROP), ('dumpsys', DUMPSYS), ('taskset', TASKSET),
  ):  # fmt: skip
    path = root / 'bin' / name
    path.write_text('#!/bin/sh\n' + text)
    path.chmod(0o755)


def _root(serial: str, world: Path = WORLD) -> Path:
  """A phone's file system; a colon would end an entry of $PATH."""
  return world / serial.replace(':', '_')


def main(words: list[str]) -> int:
  """Does what adb does with these arguments."""
  control = json.loads((WORLD / 'control.json').read_text())
  if words[:1] == ['devices']:
    return _devices(control)
  there = [s for s, phone in control.items() if _listed(s, phone)]
  if words[:1] == ['-s']:
    serial, words = words[1], words[2:]
  elif len(there) == 1:
    serial = there[0]
  else:
    return _fail('more than one device/emulator')
  loose = serial in control and _count(serial, control[serial])
  if serial not in there:
    return _fail(f"device '{serial}' not found")
  state = control[serial]['state']
  if state == 'unauthorized':
    return _fail("device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS ...")
  if state != 'device':
    return _fail(f'device {state}')
  command = {'shell': _shell, 'push': _push, 'pull': _pull}[words[0]]
  return command(_root(serial), control[serial], words[1:], loose)


def _fail(text: str) -> int:
  print(f'adb: {text}', file=sys.stderr)
  return 1


def _count(serial: str, phone: dict) -> bool:
  """Counts a command; whether the cable comes loose during it."""
  path = _root(serial) / 'commands'
  count = _commands(serial) + 1
  path.write_text(str(count))
  return count == phone['unplug_at']


def _commands(serial: str) -> int:
  path = _root(serial) / 'commands'
  return int(path.read_text()) if path.exists() else 0


def _listed(serial: str, phone: dict) -> bool:
  past = _commands(serial) - phone['unplug_at']
  away = phone['unplug_at'] and 0 <= past < phone['unplug_for']
  return phone['state'] != 'gone' and not away


def _devices(control: dict) -> int:
  print('List of devices attached')
  for i, (serial, phone) in enumerate(control.items()):
    if _listed(serial, phone):
      known = f' product:walleye model:{phone["model"]} device:walleye'
      known = known if phone['state'] == 'device' else ''
      print(f'{serial:22} {phone["state"]} usb:1-{i}{known} transport_id:{i}')
    else:
      _count(serial, phone)  # so that it comes back
  print()
  return 0


def _mapped(root: Path, text: str) -> str:
  for path in MAPPED:
    text = text.replace(path, f'{root}{path}')
  return text


def _shell(root: Path, phone: dict, words: list[str], loose: bool) -> int:
  environment = {
    'PATH': f'{root}/bin:/usr/bin:/bin',
    'PHONE': str(root),
    'GARBAGE': str(phone['garbage']),
    'SLOWER': str(phone['slower']),
    'THROTTLED': ' '.join(map(str, phone['throttled'])),
    'RUN_S': str(phone['run_s']),
    'COLD': str(phone['cold']),
    'BATTERY': str(phone['battery']),
    'CELSIUS': ' '.join(map(str, phone['celsius'])),
  }
  command = ['/bin/sh', '-c', _mapped(root, ' '.join(words))]
  os.chdir(root)
  if loose and os.fork():
    time.sleep(0.03)
    return 255
  if loose:  # what runs on the phone does not notice
    silent = os.open(os.devnull, os.O_RDWR)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
  os.execve(command[0], command, environment)


def _push(root: Path, phone: dict, words: list[str], loose: bool) -> int:
  *sources, remote = words
  time.sleep(phone['push_s'])
  return _copy(sources, Path(_mapped(root, remote)), 'pushed', loose)


def _pull(root: Path, phone: dict, words: list[str], loose: bool) -> int:
  *sources, local = words
  mapped = [_mapped(root, source) for source in sources]
  return _copy(mapped, Path(local), 'pulled', loose)


def _copy(sources: list[str], target: Path, verb: str, loose: bool) -> int:
  import shutil  # takes a while, and most calls need none

  for source in map(Path, sources):
    if not source.exists():
      return _fail(f"error: failed to stat '{source}': No such file")
    to = target / source.name if target.is_dir() else target
    if source.is_dir():
      shutil.copytree(source, to, dirs_exist_ok=True)
    else:
      shutil.copyfile(source, to)
    if loose:
      for path in [p for p in to.rglob('*') if p.is_file()][1:]:
        path.unlink()
      return _fail(f"error: failed to copy '{source}': Connection reset")
    print(f'{source}: 1 file {verb}, 0 skipped. 9.9 MB/s (9 bytes in 0.001s)')
  return 0


if __name__ == '__main__':
  sys.exit(main(sys.argv[1:]))
