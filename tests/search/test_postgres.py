"""The same trials in a PostgreSQL database, on a real server."""

import importlib.util

import pytest

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.search.storage import open_storage, parse, shown
from tests.search.postgres import PASSWORD, server, why_not
from tests.search.test_trials import (
  accounted,
  contents,
  in_memory,
  small_search,
  swarm,
)
from tests.search.toy_worker import Worker

if importlib.util.find_spec('psycopg') is None:
  pytest.skip('the extra [postgres] is missing', allow_module_level=True)
if why_not():
  pytest.skip(why_not(), allow_module_level=True)


@pytest.fixture(scope='module')
def url():
  with server() as address:
    yield address


def database(url, name):
  """A new, empty database on the server."""
  import psycopg

  with psycopg.connect(url, autocommit=True) as connection:
    connection.execute(f'CREATE DATABASE {name}')
  return url.replace('/postgres?', f'/{name}?')


def test_four_workers_killed_at_random_lose_nothing(url):
  """They also begin at the same time, on a database without tables."""
  there = database(url, 'swarm')
  killed = swarm(there, 14, kills=3, seed=1)
  assert killed == 3
  ended = accounted(open_storage(parse(there)), 14)
  assert [name for t in ended for name in t.user_attrs.get('lost', [])]


def test_one_process_gives_what_it_gives_in_memory(url):
  there = database(url, 'single')
  Worker(there, 'evolution', 10, 'main', 0.0).join()
  whole = contents(in_memory(small_search('evolution', 10)), 'toy')
  assert contents(open_storage(parse(there)), 'toy') == whole


@pytest.mark.parametrize(
  ('old', 'new', 'says'),
  [
    (PASSWORD, 'wr0ng', 'password authentication failed for user "me"'),
    ('/postgres?', '/none?', 'database "none" does not exist'),
  ],
)
def test_what_cannot_be_opened_is_told_without_the_password(
  url, old, new, says
):
  address = parse(url.replace(old, new))
  with pytest.raises(UserError) as caught:
    open_storage(address)
  said = str(caught.value)
  assert said.startswith(f'Cannot open the trials in {shown(address)}: ')
  assert says in said
  assert 'wr0ng' not in said
  assert PASSWORD not in said
