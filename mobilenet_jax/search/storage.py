"""The database that holds the trials of a search: SQLite or PostgreSQL.

What is there is looked at before it is opened: a file that is no database of
trials is refused and left as it is. Passwords never leave this module.
"""

import sqlite3
import time
import warnings
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import BaseStorage, RDBStorage, get_storage
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.extras import need

MAGIC = b'SQLite format 3\0'
LOCKED_S = 60.0  # that a locked file is waited for
HEARTBEAT_S = 15  # a trial without one for GRACE times as long is lost
GRACE = 4
TRIES = 5  # of processes that make the tables at the same time
VALID = "'sqlite:///FILE' or 'postgresql://USER@HOST/DATABASE'"

optuna.logging.set_verbosity(optuna.logging.WARNING)


def parse(storage: str, folder: Path | None = None) -> URL:
  """The address of a database.

  Args:
    storage: a URL; '' is `trials.db` of the folder.
    folder: of the run.

  Raises:
    UserError: it is none, of another kind of database, or its driver is not
      installed.
  """
  if not storage and folder is not None:
    return URL.create('sqlite', database=str(folder / 'trials.db'))
  try:
    url = make_url(storage)
  except (ArgumentError, ValueError):  # an odd port is the latter
    raise UserError(
      f'--storage is no URL of a database; it is {VALID}.'
    ) from None  # the text may hold a password
  kind = url.drivername.partition('+')[0]
  if kind == 'sqlite' and url.database not in (None, '', ':memory:'):
    return url.set(drivername='sqlite')
  if kind in ('postgresql', 'postgres') and url.database:
    need('postgres', 'A PostgreSQL storage')
    return url.set(drivername='postgresql+psycopg')
  raise UserError(f'--storage is {shown(url)!r}; it is {VALID}.')


def shown(url: URL) -> str:
  """An address for messages and files, without its password."""
  query = {k: '***' if 'pass' in k else v for k, v in url.query.items()}
  kind = url.drivername.partition('+')[0]
  clean = url.set(drivername=kind, query=query)
  return clean.render_as_string(hide_password=True)


def open_storage(
  url: URL, heartbeat_s: int = HEARTBEAT_S, locked_s: float = LOCKED_S
) -> BaseStorage:
  """Opens a database, and makes its tables where it is new.

  Args:
    url: of `parse`.
    heartbeat_s: between signs of life of a running trial, whole seconds.
    locked_s: how long a locked SQLite file is waited for.

  Raises:
    UserError: it is corrupt, locked, of another program, cannot be reached, or
      was written by another Optuna. A file is left as it was.
  """
  lite = url.drivername.startswith('sqlite')
  if lite:
    check_file(Path(str(url.database)), locked_s)
  made = _connected(url, heartbeat_s, locked_s)
  if lite:
    _take_turns(made)
  return get_storage(made)  # reads each finished trial once


def check_file(path: Path, locked_s: float = LOCKED_S) -> None:
  """Checks that a file, if there is one, is a whole database of trials.

  Raises:
    UserError: it is not, or another program holds it; the file is left alone.
  """
  if not path.parent.is_dir():
    raise UserError(f'Cannot make {path}: there is no folder {path.parent}.')
  if not path.exists():
    return
  try:
    with path.open('rb') as file:
      begin = file.read(len(MAGIC))
  except OSError as error:
    raise UserError(f'Cannot read {path}: {error.strerror}.') from error
  if not begin:
    return
  if begin != MAGIC:
    raise UserError(
      f'{path} is no SQLite database (it begins with {begin!r}); move it away, '
      'or name another with --storage.'
    )
  try:
    broken, tables = _looked_at(path, locked_s)
  except sqlite3.OperationalError as error:
    if 'locked' not in str(error):
      raise UserError(f'Cannot read {path}: {error}.') from error
    raise UserError(
      f'{path} is locked by another program; close what holds it (a browser of '
      'databases, a backup), then run this again.'
    ) from error
  except sqlite3.DatabaseError as error:
    broken, tables = str(error), {'studies'}
  if broken:
    raise UserError(
      f'{path} is corrupt ({broken}); bring back a copy of it, or move it away '
      'to search anew.'
    )
  if tables and 'studies' not in tables:
    raise UserError(
      f'{path} is a database of another program (table {min(tables)!r}); name '
      'another with --storage.'
    )


def reason(error: BaseException, url: URL) -> str:
  """Why the database has failed, in its own words, on one line."""
  root: Any = error
  while root.__cause__ is not None:
    root = root.__cause__
  root = getattr(root, 'orig', None) or root
  text = ' '.join(str(root).split()).rstrip('.')
  secrets = [url.password, *(v for k, v in url.query.items() if 'pass' in k)]
  for secret in secrets:
    if secret:
      text = text.replace(str(secret), '***')
  return text


def _connected(url: URL, heartbeat_s: int, locked_s: float) -> RDBStorage:
  """The storage, whoever else makes its tables at the same time."""
  tries = 1
  while True:
    try:
      return _made(url, heartbeat_s, locked_s)
    except (SQLAlchemyError, StorageInternalError, RuntimeError) as error:
      if tries == TRIES or not _tables_in_the_making(error):
        raise UserError(
          f'Cannot open the trials in {shown(url)}: {reason(error, url)}.'
        ) from None
    time.sleep(0.3 * tries)
    tries += 1


def _made(url: URL, heartbeat_s: int, locked_s: float) -> RDBStorage:
  lite = url.drivername.startswith('sqlite')
  options: dict[str, Any] = (
    {'connect_args': {'timeout': locked_s}} if lite else {'pool_pre_ping': True}
  )
  text = url.render_as_string(hide_password=False)
  with warnings.catch_warnings():
    warnings.simplefilter('ignore', ExperimentalWarning)  # of heartbeats
    return RDBStorage(
      text.replace('{', '{{').replace('}', '}}'),  # Optuna formats it
      engine_kwargs=options,
      heartbeat_interval=heartbeat_s,
      grace_period=GRACE * heartbeat_s,
    )


def _take_turns(storage: RDBStorage) -> None:
  """Makes every transaction take the file's lock when it begins.

  SQLite has no row locks: of two processes that read a waiting trial both
  would take it. And one that reads first and then writes may be refused
  without having waited.
  """

  def connect(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver begins nothing itself

  def begin(connection: Any) -> None:
    connection.exec_driver_sql('BEGIN IMMEDIATE')

  sqlalchemy.event.listen(storage.engine, 'connect', connect)
  sqlalchemy.event.listen(storage.engine, 'begin', begin)
  storage.engine.dispose()  # the connections that were made before


def _tables_in_the_making(error: BaseException) -> bool:
  text = str(error) + str(error.__cause__)
  return any(
    w in text for w in ('already exists', 'UNIQUE', 'unique', 'locked')
  )


def _looked_at(path: Path, locked_s: float) -> tuple[str, set[str]]:
  """What is broken in a file ('' nothing), and its tables."""
  address = f'{path.absolute().as_uri()}?mode=rw'
  connection = sqlite3.connect(address, uri=True, timeout=locked_s)
  try:
    connection.execute('BEGIN IMMEDIATE')  # proves that it can be written
    (found,) = connection.execute('PRAGMA quick_check(1)').fetchone()
    rows = connection.execute(
      "SELECT name FROM sqlite_master WHERE type = 'table'"
    )
    tables = {name for (name,) in rows}
    connection.rollback()
  finally:
    connection.close()
  return '' if found == 'ok' else ' '.join(str(found).split()), tables
