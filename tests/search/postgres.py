"""A PostgreSQL server of a test's own, on a socket in a temporary folder."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

PASSWORD = 's3cret'
USER = 'nobody'  # runs the server where we are root, which it refuses to be


def binaries() -> Path | None:
  """Where Debian or the PATH has `initdb` and `pg_ctl`; None: nowhere."""
  places = sorted(Path('/usr/lib/postgresql').glob('*/bin'), reverse=True)
  found = shutil.which('pg_ctl')
  places += [Path(found).resolve().parent] if found else []
  return next((p for p in places if (p / 'initdb').exists()), None)


def why_not() -> str:
  """Why no server can be started here; '' where one can."""
  if binaries() is None:
    return 'PostgreSQL is not installed (Debian: apt-get install postgresql)'
  if os.getuid() == 0 and shutil.which('setpriv') is None:
    return 'PostgreSQL must not run as root, and there is no setpriv'
  return ''


@contextlib.contextmanager
def server() -> Iterator[str]:
  """Runs a new server; yields a URL with a password."""
  place = binaries()
  assert place is not None
  # not pytest's own folder, which only its user may enter
  with tempfile.TemporaryDirectory(prefix='mnj_pg_') as name:
    folder, prefix = Path(name), []
    (folder / 'password').write_text(PASSWORD)
    if os.getuid() == 0:
      user = pwd.getpwnam(USER)
      for path in (folder, folder / 'password'):
        os.chown(path, user.pw_uid, user.pw_gid)
      prefix = [
        'setpriv', f'--reuid={user.pw_uid}', f'--regid={user.pw_gid}',
        '--clear-groups',
      ]  # fmt: skip

    def command(program: str, *arguments: str) -> None:
      subprocess.run(
        [*prefix, str(place / program), '-D', f'{folder}/data', *arguments],
        check=True, cwd=folder, stdout=subprocess.DEVNULL, timeout=120,
      )  # fmt: skip

    command(
      'initdb', '-A', 'scram-sha-256', '-U', 'me', '--no-sync',
      f'--pwfile={folder}/password',
    )  # fmt: skip
    options = f"-c listen_addresses='' -c fsync=off -k {folder}"
    command('pg_ctl', '-w', '-l', f'{folder}/log', '-o', options, 'start')
    try:
      yield f'postgresql://me:{PASSWORD}@/postgres?host={folder}'
    finally:
      command('pg_ctl', '-w', '-m', 'immediate', 'stop')
