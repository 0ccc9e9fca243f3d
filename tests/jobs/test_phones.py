"""Several devices in one search: priced, checked, named and kept to."""

import itertools
import json

import numpy as np
import pytest
from ml_collections import ConfigDict

from mobilenet_jax.core.errors import JobError, UserError
from mobilenet_jax.jobs import phones
from mobilenet_jax.jobs.contenders import choose_rivals
from mobilenet_jax.jobs.pricing import Pricing, open_pricing
from mobilenet_jax.jobs.searching import SearchJob
from mobilenet_jax.latency.bounds import price_bounds
from mobilenet_jax.latency.key import keys
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.latency.tensors import space_keys
from mobilenet_jax.latency.timing import Timing
from mobilenet_jax.models import get_arch
from mobilenet_jax.search.select import likeliest_within
from mobilenet_jax.space import get_space
from tests.latency.toy import PROVENANCE, toy_table

SPACE = get_space('v3_tiny', 32, 10)
WANTED = space_keys(SPACE.spec)


@pytest.fixture
def paths(tmp_path):
  """Two tables: the toy's, and a device that minds kernels alone."""
  places = tmp_path / 'main.csv', tmp_path / 'other.csv'
  known = list(WANTED)
  for i in range(4, 121):
    known += keys(get_arch('mobilenet_v1_shallow', i / 40, 32, 10))
  toy_table(known).save(places[0])
  rows = {k: Timing(k.kernel**2 + 0.01, std_ms=0.0, n=1) for k in WANTED}
  LatencyTable(rows, PROVENANCE | {'device': 'kernels'}).save(places[1])
  return places


def config(paths, target, other, tolerance=0.1):
  return ConfigDict(
    {
      'table': str(paths[0]), 'target_ms': target, 'target_quantile': 0.5,
      'tolerance': tolerance, 'more': ((str(paths[1]), other),),
    }
  )  # fmt: skip


def opened(paths, folder, **more) -> Pricing:
  folder.mkdir(exist_ok=True)
  return open_pricing(config(paths, **more), SPACE, folder)


def known_targets(paths, folder):
  """Prices of a network, so that both can be met at once."""
  pricing = opened(paths, folder, target=0.0, other=50.0)
  vector = SPACE.sample(np.random.default_rng(3))
  return pricing.of_vector(vector), pricing.more[0].of_vector(vector)


def test_the_window_is_that_of_every_device(paths, tmp_path):
  target, other = known_targets(paths, tmp_path / 'a')
  pricing = opened(paths, tmp_path / 'b', target=target, other=other)
  (phone,) = pricing.more
  for vector in itertools.product(*map(range, SPACE.decisions.values())):
    misses = (
      abs(pricing.of_vector(vector) / target - 1),
      abs(phone.of_vector(vector) / other - 1),
    )
    found = abs(pricing.of_window(vector) / target - 1)
    assert found == pytest.approx(max(misses), abs=1e-9)
  logits = np.zeros((len(SPACE.tags), max(SPACE.decisions.values())))
  sizes = np.array(list(SPACE.decisions.values()))
  logits[np.arange(logits.shape[1]) >= sizes[:, None]] = -np.inf
  found = likeliest_within(SPACE, logits, pricing.of_window, target, 0.02)
  spec = SPACE.decode(found)
  assert pricing.table.price(spec) == pytest.approx(target, rel=0.02)
  assert phone.table.price(spec) == pytest.approx(other, rel=0.02)
  assert pricing.elsewhere(spec) == {
    'priced_on': {'other': phone.of_spec(spec)}
  }
  strange = get_arch('mobilenet_v3_small', 1.0, 32, 10)
  assert pricing.elsewhere(strange) == {'priced_on': {'other': None}}


def test_with_one_device_the_window_is_its_price(paths, tmp_path):
  alone = ConfigDict({**config(paths, 0.0, 1.0).to_dict(), 'more': ()})
  pricing = open_pricing(alone, SPACE, tmp_path)
  vector = SPACE.sample(np.random.default_rng(0))
  assert pricing.of_window(vector) == pricing.of_vector(vector)
  assert pricing.elsewhere(SPACE.decode(vector)) == {}


def test_random_rivals_keep_to_both_windows(paths, tmp_path):
  target, other = known_targets(paths, tmp_path / 'a')
  pricing = opened(paths, tmp_path / 'b', target=target, other=other)
  whole = ConfigDict(
    {
      'seed': 0, 'latency': config(paths, target, other),
      'compare': {'model': 'mobilenet_v1_shallow', 'random': 3},
    }
  )  # fmt: skip
  job = SearchJob(whole, SPACE, pricing, None, tmp_path / 'b', None)
  rivals = [spec for role, spec in choose_rivals(job) if role == 'random']
  assert len(rivals) == 3
  for spec in rivals:
    assert pricing.table.price(spec) == pytest.approx(target, rel=0.1)
    assert pricing.more[0].of_spec(spec) == pytest.approx(other, rel=0.1)


def test_a_run_keeps_the_tables_and_reads_its_own(paths, tmp_path, capsys):
  folder = tmp_path / 'run'
  before = opened(paths, folder, target=0.0, other=50.0)
  assert 'On other: ' in capsys.readouterr().err
  rows = toy_table(WANTED)  # the user's file changes
  rows.save(paths[1])
  after = opened(paths, folder, target=0.0, other=50.0)
  assert after.more[0].bounds == before.more[0].bounds
  json.dumps(before.more[0].summary())


def test_an_unreachable_target_names_the_device_and_its_bounds(paths, tmp_path):
  low, high = price_bounds(
    opened(paths, tmp_path / 'a', target=0.0, other=50.0).more[0].tensors
  )
  with pytest.raises(
    UserError,
    match=f'On other: The target of 1 ms is out of reach: .* {low:.3f} to '
    f'{high:.3f} ms',
  ):
    opened(paths, tmp_path / 'b', target=0.0, other=1.0)
  assert not (tmp_path / 'b' / 'latency.csv').exists()


def test_a_block_that_a_further_table_lacks_is_named(paths, tmp_path):
  rows = dict(toy_table(WANTED).rows)
  del rows[WANTED[3]]
  LatencyTable(rows, PROVENANCE).save(paths[1])
  with pytest.raises(UserError, match=r'other\.csv has no block'):
    opened(paths, tmp_path / 'a', target=0.0, other=50.0)


def test_targets_that_contradict_each_other_are_named(paths, tmp_path):
  pricing = opened(paths, tmp_path / 'a', target=0.0, other=50.0)
  says = r'No network\. The same networks have to take 50 ms on other, within'
  for kind in (UserError, JobError):
    with pytest.raises(kind, match=says), phones.naming(pricing.more):
      raise kind('No network.')
  with pytest.raises(UserError, match=r'^No network\.$'), phones.naming(()):
    raise UserError('No network.')


@pytest.mark.parametrize(
  ('more', 'says'),
  [
    (('pixel1.csv',), "'pixel1.csv'; it holds a table and a target"),
    ((('pixel1.csv', 0),), 'it holds a table and a target'),
    ((('pixel1.csv', float('nan')),), 'it holds a table and a target'),
    ((('pixel1.csv', True),), 'it holds a table and a target'),
    ((('a/p.csv', 1.0), ('b/p.csv', 2.0)), "names 'p' twice"),
    (tuple((f'{i}.csv', 1.0) for i in range(17)), 'names 17 devices'),
  ],
)
def test_what_is_no_list_of_devices_is_refused(more, says):
  with pytest.raises(UserError) as error:
    phones.check_more(more)
  assert says in str(error.value)
  phones.check_more((('pixel1.csv', 50),))
