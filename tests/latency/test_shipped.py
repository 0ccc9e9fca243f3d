"""The tables that ship price what the documents say they price."""

import pytest

from mobilenet_jax.latency.anchors import load_anchors
from mobilenet_jax.latency.bounds import price_bounds
from mobilenet_jax.latency.table import LatencyTable, list_tables
from mobilenet_jax.latency.tensors import price_tensors
from mobilenet_jax.models import get_arch
from mobilenet_jax.models.find import find_arch
from mobilenet_jax.space import get_space

HOSTS = ['host-xeon-float32', 'host-xeon-int8']
PHONES = ['pixel1', 'pixel2', 'pixel3']


@pytest.mark.parametrize(
  'name', [*HOSTS, *(f'{phone}-transferred' for phone in PHONES)]
)
def test_it_prices_the_space(name):
  assert name in list_tables()
  table = LatencyTable.load(name)
  space = get_space('v3_mobile', None, 1000)
  low, high = price_bounds(price_tensors(space.spec, table))
  assert 0 < 5 * low < high


@pytest.mark.parametrize('name', HOSTS)
def test_a_computer_prices_the_zoo(name):
  table = LatencyTable.load(name)
  small, large = (
    table.predict(get_arch(f'mobilenet_v3_{size}'))
    for size in ('small', 'large')
  )
  assert 1.5 < large.ms / small.ms < 6
  assert small.upper < large.lower
  assert table.provenance['network_error'] < 0.1


@pytest.mark.parametrize('phone', PHONES)
def test_a_transferred_phone_prices_what_it_was_made_from(phone):
  table = LatencyTable.load(f'{phone}-transferred')
  anchors = load_anchors(phone).of('float32')
  specs = anchors.specs(find_arch)
  ratios = [
    table.price(spec) / row.ms
    for spec, row in zip(specs, anchors.anchors, strict=True)
  ]
  off = [abs(ratio - 1) for ratio in ratios]
  assert sum(off) / len(off) < 0.15
  assert 'not measured' in table.provenance['device']
