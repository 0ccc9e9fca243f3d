"""What is no database of trials is refused in a sentence, and left alone."""

import sqlite3

import optuna
import pytest
from sqlalchemy.engine import make_url

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.search.storage import open_storage, parse, reason, shown


def refused(path, **more):
  """The sentence; the file must not have changed, nor got companions."""
  before = path.read_bytes()
  with pytest.raises(UserError) as caught:
    open_storage(parse(f'sqlite:///{path}'), **more)
  assert path.read_bytes() == before
  assert [p.name for p in path.parent.iterdir()] == [path.name]
  return str(caught.value)


@pytest.fixture
def stored(tmp_path):
  """A file with a study."""
  path = tmp_path / 'trials.db'
  storage = open_storage(parse(f'sqlite:///{path}'))
  optuna.create_study(storage=storage, study_name='a').enqueue_trial({'x': 1})
  return path


def test_a_file_that_is_no_database(tmp_path):
  path = tmp_path / 'trials.db'
  path.write_text('these are my notes')
  said = refused(path)
  assert said.startswith(f'{path} is no SQLite database (it begins with')
  assert 'these are my not' in said


def test_a_corrupt_database(stored):
  whole = stored.read_bytes()
  stored.write_bytes(whole[:4096] + b'\xff' * 8192 + whole[12288:])
  assert f'{stored} is corrupt (' in refused(stored)


def test_a_truncated_database(stored):
  stored.write_bytes(stored.read_bytes()[:10000])
  assert f'{stored} is corrupt (' in refused(stored)


def test_a_database_of_another_program(tmp_path):
  path = tmp_path / 'other.db'
  connection = sqlite3.connect(path)
  connection.execute('CREATE TABLE bookmarks (url TEXT)')
  connection.close()
  assert refused(path) == (
    f"{path} is a database of another program (table 'bookmarks'); name "
    'another with --storage.'
  )


def test_a_locked_database(stored):
  holder = sqlite3.connect(stored, isolation_level=None)
  holder.execute('BEGIN EXCLUSIVE')
  with pytest.raises(UserError, match='is locked by another program; close'):
    open_storage(parse(f'sqlite:///{stored}'), locked_s=0.2)
  holder.execute('ROLLBACK')
  holder.close()
  open_storage(parse(f'sqlite:///{stored}'), locked_s=0.2)


def test_a_database_of_another_optuna(stored):
  connection = sqlite3.connect(stored)
  connection.execute("UPDATE alembic_version SET version_num = 'v9.9.9'")
  connection.execute('UPDATE version_info SET schema_version = 999')
  connection.commit()
  connection.close()
  assert f'Cannot open the trials in sqlite:///{stored}: ' in refused(stored)


def test_a_folder_that_is_not_there(tmp_path):
  with pytest.raises(UserError, match='there is no folder'):
    open_storage(parse(f'sqlite:///{tmp_path}/none/trials.db'))


@pytest.mark.parametrize(
  'url', ['trials', 'mysql://me:secret@host/db', 'sqlite://', 'sqlite:///:memory:',
          'postgresql://host', 'https://me:secret@host/db'],
)  # fmt: skip
def test_what_is_no_address_of_trials(url):
  with pytest.raises(UserError) as caught:
    parse(url)
  assert "'sqlite:///FILE' or 'postgresql://USER@HOST/DATABASE'" in str(
    caught.value
  )
  assert 'secret' not in str(caught.value)


def test_passwords_are_not_shown():
  url = parse('postgresql://me:s3cret@host:1/db?password=0ther&sslmode=off')
  assert shown(url) == (
    'postgresql://me:***@host:1/db?password=%2A%2A%2A&sslmode=off'
  )
  error = RuntimeError('no "s3cret" of\n 0ther.')
  assert reason(error, url) == 'no "***" of ***'


def test_an_unreachable_server_is_told_without_its_password():
  url = parse('postgresql://me:s3cret@127.0.0.1:1/db')
  with pytest.raises(UserError) as caught:
    open_storage(url)
  said = str(caught.value)
  assert said.startswith(
    'Cannot open the trials in postgresql://me:***@127.0.0.1:1/db: '
  )
  assert 's3cret' not in said
  assert '\n' not in said


def test_optuna_reads_the_file_as_it_is(stored):
  study = optuna.load_study(study_name='a', storage=f'sqlite:///{stored}')
  assert study.trials[0].system_attrs['fixed_params'] == {'x': 1}
  assert make_url(f'sqlite:///{stored}').database == str(stored)
