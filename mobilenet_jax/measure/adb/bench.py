"""Runs benchmark_model on a phone, a handful of models at a time.

A script on the phone writes the output of every model to a file of its own,
and passes over those that are there: after a loose cable only what was not
finished is run again. The tool tells no single repeats, so it is run several
times, shortly, and the mean of a run is what counts as one.
"""

import contextlib
import hashlib
import os
import platform
import re
import secrets
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mobilenet_jax.core.errors import JobError
from mobilenet_jax.core.progress import say
from mobilenet_jax.measure.adb.connection import CALL_S, Connection, first_line

ROOT = '/data/local/tmp'
RUNS = 5  # of the tool, a model
LEAST_REPEATS = 5
WARM_UP_S = 0.02
STABLE = 0.05  # a longer warm-up where it is slower than the rest by more
TRIES = 6
RUN_S = 12.0  # at most, of the tool; it is told to stop much earlier
MOST_BYTES = 100_000  # of an output
REFERENCE = 'reference'
HERE = hashlib.sha256(platform.node().encode()).hexdigest()[:8]
NAME = re.compile(rf'mobilenet_jax-{HERE}-(\d+)-[0-9a-f]+')
COUNT = re.compile(
  r'\bcount=(\d+) (?:curr=(\d+)|first=(\d+) .*\bavg=(\d[\d.e+]*) )'
)
SCRIPT = """\
cd "${{0%/*}}" || exit 1
if [ -f pid ] && kill "$(cat pid)" 2>/dev/null; then
  tick=0  # an earlier call, which goes on without its cable, ends its run
  while [ -f pid ] && [ $tick -lt 100 ]; do sleep 0.1; tick=$((tick + 1)); done
fi
trap 'rm -f pid; exit 1' TERM
echo $$ > pid
chmod 700 benchmark_model && mkdir -p "$1" || exit 1
out=$1
shift
while [ $# -gt 0 ]; do
  if [ ! -f "$out/$1" ]; then
    for run in {runs}; do
      {command} --graph="$1.tflite" --warmup_min_secs="$2" || break
    done < /dev/null > "$out/part" 2>&1
    mv "$out/part" "$out/$1"
  fi
  shift 2
done
rm -f pid
"""


class Run(NamedTuple):
  """A run of the tool, in milliseconds a repeat.

  Attributes:
    warm_up: mean of the warm-up without its first repeat.
    ms: mean of what followed.
  """

  warm_up: float
  ms: float


class Bench:
  """A folder on a phone with the tool and some models.

  Its models are called '0', '1', ... and 'reference'.
  """

  def __init__(self, phone: Connection, folder: str):
    self._phone, self._folder = phone, folder
    self._warm_up: dict[str, float] = {}
    self._shards = 0

  def run(self, names: Sequence[str]) -> dict[str, list[float]]:
    """Times models, and the reference block after them.

    Returns:
      By name, the milliseconds of every run.

    Raises:
      JobError: the phone is lost, or the tool says nothing useful.
    """
    found: dict[str, list[float]] = {}
    garbage: dict[str, str] = {}
    for last in [False] * (TRIES - 1) + [True]:
      todo = [name for name in names if name not in found]
      texts = self._shard([*todo, REFERENCE])
      garbage = {}
      for name, text in texts.items():
        runs = parse(text)
        if len(runs) < RUNS:
          garbage[name] = text
        elif last or stable(runs):
          found[name] = [run.ms for run in runs]
        else:
          self._warm_up[name] = 2 * self._warm_up.get(name, WARM_UP_S)
      if set(found) >= {*names, REFERENCE}:
        return found
    name, text = next(iter(garbage.items()))
    raise Garbage(name, first_line(text))

  def reference(self, seconds: float) -> list[float]:
    """A stopwatch of the reference block."""
    del seconds  # the script knows
    return self.run([])[REFERENCE]

  def _shard(self, names: Sequence[str]) -> dict[str, str]:
    """Runs the script; returns what the tool said of every model."""
    self._shards += 1
    out = f'out-{self._shards}'
    words = [out]
    for name in names:
      words += [name, f'{self._warm_up.get(name, WARM_UP_S):g}']
    timeout = CALL_S + RUNS * RUN_S * len(names)
    self._phone.shell('sh', f'{self._folder}/run.sh', *words, timeout=timeout)
    with tempfile.TemporaryDirectory() as local:
      self._phone.pull(f'{self._folder}/{out}', Path(local))
      return {name: _read(Path(local, out, name)) for name in names}


class Garbage(JobError):
  """Output of the tool that has no timing.

  Attributes:
    name: of the model.
    line: what it says instead.
  """

  def __init__(self, name: str, line: str):
    super().__init__(f'benchmark_model gives no timing of {name}: {line}.')
    self.name, self.line = name, line


def _read(path: Path) -> str:
  if not path.is_file():
    return ''
  with path.open('rb') as file:
    return file.read(MOST_BYTES).decode(errors='replace')


def parse(text: str) -> list[Run]:
  """The runs in an output of benchmark_model.

  It writes two lines a run, of the warm-up and of what counts:
  `count=50 first=41 curr=39 min=38 max=52 avg=39.4 std=2 ...`, in whole
  microseconds, or `count=9 curr=39(all same) ...`.
  """
  means = []
  for count, same, first, mean in COUNT.findall(text):
    n, us = int(count), float(mean or same)
    after = (us * n - float(first)) / (n - 1) if first and n > 1 else us
    means.append((after / 1e3, max(us, 0.01) / 1e3))
  pairs = zip(means[::2], means[1::2], strict=False)
  return [Run(warm_up[0], counted[1]) for warm_up, counted in pairs]


def stable(runs: Sequence[Run]) -> bool:
  """Whether the warm-up was as fast as what followed, in most runs."""
  return float(np.median([r.warm_up / r.ms for r in runs])) < 1 + STABLE


@contextlib.contextmanager
def opened(
  phone: Connection,
  tool: Path,
  command: Sequence[str],
  models: Sequence[bytes],
  reference: bytes,
) -> Iterator[Bench]:
  """Puts a tool and models on a phone, and takes everything away again.

  Args:
    command: what runs the tool there, in the folder where it lies.
  """
  _sweep(phone)
  name = f'mobilenet_jax-{HERE}-{os.getpid()}-{secrets.token_hex(4)}'
  folder = f'{ROOT}/{name}'
  runs = ' '.join(map(str, range(RUNS)))
  try:
    with tempfile.TemporaryDirectory() as local:
      stage = Path(local, name)
      stage.mkdir()
      shutil.copyfile(tool, stage / 'benchmark_model')
      script = SCRIPT.format(runs=runs, command=shlex.join(command))
      (stage / 'run.sh').write_text(script)
      for i, model in enumerate(models):
        (stage / f'{i}.tflite').write_bytes(model)
      (stage / f'{REFERENCE}.tflite').write_bytes(reference)
      phone.push(stage, f'{ROOT}/')
    yield Bench(phone, folder)
  finally:
    _remove(phone, folder)


def _sweep(phone: Connection) -> None:
  """Removes what earlier processes of this computer had to leave there."""
  for name in phone.shell('ls', ROOT).split():
    match = NAME.fullmatch(name)
    if match and (int(match[1]) == os.getpid() or not _lives(int(match[1]))):
      _remove(phone, f'{ROOT}/{name}')


def _lives(process: int) -> bool:
  try:
    os.kill(process, 0)
  except (ProcessLookupError, OverflowError):
    return False
  except PermissionError:
    pass
  return True


def _remove(phone: Connection, folder: str) -> None:
  """Ends a script that still runs there, and removes all."""
  code = '[ -f "$0/pid" ] && kill "$(cat "$0/pid")" 2>/dev/null; rm -rf "$0"'
  try:
    phone.shell('sh', '-c', code, folder, patient=False)
  except JobError:
    say(f'  {folder} stays on the phone until it is measured again.')
