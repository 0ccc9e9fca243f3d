"""One phone behind the command `adb`, whose cable may come loose.

No shell of this computer is involved, and every word that reaches the phone's
shell is quoted, because `adb shell` only joins its words with spaces.
"""

import os
import re
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mobilenet_jax.core.errors import JobError, UserError
from mobilenet_jax.core.progress import say

CALL_S = 60.0  # for an answer; the first one may start adb's server
SLOWEST_TRANSFER = 250_000  # bytes a second
WAIT_S = 180.0  # for a lost phone to come back
PAUSE_S = 1.0
TRIES = 5
# adb shell tells no exit status on old phones, nor when it was cut off
MARK = 'mobilenet_jax_status='
SERIAL = re.compile(r'[A-Za-z0-9][A-Za-z0-9._:-]{0,127}')
LISTED = re.compile(r'(\S+)\s+(no permissions|\S+)(.*)')
ADVICE = {
  'unauthorized': 'unlock it and accept "Allow USB debugging?"',
  'authorizing': 'unlock it and accept "Allow USB debugging?"',
  'offline': 'unplug it, plug it in again and run `adb kill-server`',
  'no permissions': 'let this computer use it, see '
  'https://developer.android.com/tools/device',
  'not there': 'plug it in again',
}


class Listed(NamedTuple):
  """A phone as `adb devices` lists it."""

  serial: str
  state: str
  model: str

  def __str__(self) -> str:
    return f'{self.serial} ({self.model or self.state})'


def phones() -> list[Listed]:
  """The phones that adb knows, in whatever state ('device' is ready).

  Raises:
    UserError: there is no adb.
    JobError: it does not answer.
  """
  try:
    text = _adb(['devices', '-l'], CALL_S)
  except _Failed as error:
    raise JobError(f'`adb devices` fails: {error}.') from error
  found = []
  for line in text.splitlines():
    match = LISTED.fullmatch(line.strip())
    if match and not line.startswith(('*', 'List of devices')):
      model = re.search(r'\bmodel:(\S+)', match[3])
      found.append(Listed(match[1], match[2], model[1] if model else ''))
  return found


def check_serial(serial: str) -> None:
  """Refuses what cannot be a serial.

  Raises:
    UserError: it has other characters than serials have.
  """
  if not SERIAL.fullmatch(serial):
    raise UserError(
      f'--device=adb:SERIAL: {serial!r} is no serial; `adb devices` lists them.'
    )


def connect(serial: str | None) -> 'Connection':
  """The phone of a serial; None: the only one.

  Raises:
    UserError: it is not there or not ready, or there are several.
  """
  found = phones()
  names = ', '.join(map(str, found))
  if not found:
    raise UserError(
      'No phone is connected; plug one in and turn on its "USB debugging".'
    )
  if serial is None and len(found) > 1:
    raise UserError(f'Choose a phone by --device=adb:SERIAL: {names}.')
  phone = next((p for p in found if serial in (None, p.serial)), None)
  if phone is None:
    raise UserError(f'No phone {serial!r} is connected; adb knows {names}.')
  check_serial(phone.serial)
  if phone.state != 'device':
    raise UserError(f'Phone {_trouble(phone.serial, phone.state)}.')
  return Connection(phone.serial)


@dataclass(frozen=True)
class Connection:
  """A phone that answers, or is waited for.

  All that is asked of it may be asked twice: what fails is tried again when
  the phone is back.
  """

  serial: str

  def shell(
    self,
    *words: str,
    timeout: float = CALL_S,
    patient: bool = True,
    strict: bool = True,
  ) -> str:
    """Runs one command on the phone and returns what it prints.

    Args:
      words: the command and its arguments, as they are.
      timeout: seconds after which the phone counts as lost.
      patient: waits for a lost phone.
      strict: the command must succeed.

    Raises:
      JobError: the phone is lost, or the command fails.
    """
    command = f'{shlex.join(words)} 2>&1; echo {MARK}$?'
    text = self._call(['shell', command], timeout, patient, marked=True)
    text, _, status = text.replace('\r', '').rpartition(MARK)
    if strict and status.strip() != '0':
      raise JobError(
        f'`{words[0]}` fails on phone {self.serial}: {first_line(text)}.'
      )
    return text

  def push(self, local: Path, folder: str) -> None:
    """Copies a local folder into one of the phone."""
    size = sum(p.stat().st_size for p in local.rglob('*') if p.is_file())
    timeout = CALL_S + size / SLOWEST_TRANSFER
    self._call(['push', str(local), folder], timeout)

  def pull(self, path: str, folder: Path) -> None:
    """Copies a folder of the phone into a local one."""
    self._call(['pull', path, str(folder)], CALL_S)

  def _call(
    self,
    words: list[str],
    timeout: float,
    patient: bool = True,
    marked: bool = False,
  ) -> str:
    reason = ''
    for _ in range(TRIES if patient else 1):
      try:
        text = _adb(['-s', self.serial, *words], timeout)
        if not marked or MARK in text:
          return text
        reason = 'the connection broke off'
      except _Failed as error:
        reason = str(error)
      if patient:
        self._wait()
    raise JobError(
      f'`adb {words[0]}` fails with phone {self.serial}: {reason}. What is '
      'measured is kept; check the cable and run it again.'
    )

  def _wait(self) -> None:
    """Waits until the phone is ready."""
    end, told = time.monotonic() + WAIT_S, ''
    while True:
      time.sleep(PAUSE_S)
      states = {phone.serial: phone.state for phone in phones()}
      state = states.get(self.serial, 'not there')
      if state == 'device':
        return
      trouble = _trouble(self.serial, state)
      if time.monotonic() > end:
        raise JobError(
          f'Lost phone {trouble}, and run it again: what is measured is kept.'
        )
      if trouble != told:
        say(f'  waiting for phone {trouble}.')
        told = trouble


class _Failed(Exception):
  """A call of adb that came to nothing, and why."""


def _adb(words: list[str], timeout: float) -> str:
  """What adb prints."""
  program = os.environ.get('ADB') or 'adb'
  found = shutil.which(program)
  if found is None:
    raise UserError(
      f"There is no {program!r}; install Android's platform-tools, or set $ADB "
      'to its adb.'
    )
  try:
    done = subprocess.run(
      [found, *words],
      stdin=subprocess.DEVNULL,
      capture_output=True,
      timeout=timeout,
      check=False,
    )
  except subprocess.TimeoutExpired as error:
    raise _Failed(f'no answer in {timeout:.0f} s') from error
  except OSError as error:
    raise UserError(f'Cannot run {found}: {error.strerror}.') from error
  if done.returncode:
    said = (done.stderr or done.stdout).decode(errors='replace')
    raise _Failed(first_line(said))
  return done.stdout.decode(errors='replace')


def _trouble(serial: str, state: str) -> str:
  advice = ADVICE.get(state, 'start Android on it')
  return f'{serial} is {state}: {advice}'


def first_line(text: str) -> str:
  """The line of an output that says most, fit to be shown."""
  lines = [line.strip() for line in text.splitlines() if line.strip()]
  errors = [line for line in lines if 'error' in line.lower()]
  line = (errors or lines or ['it says nothing'])[0]
  return printable(line).rstrip('.')


def printable(text: str) -> str:
  """What a phone says, without what a terminal would obey."""
  return ''.join(c if c.isprintable() else '?' for c in text)[:160]
