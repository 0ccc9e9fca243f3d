"""What a sum of blocks misses is carried by the blocks."""

import pytest

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.correction import Correction, by_size
from mobilenet_jax.latency.key import keys
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.latency.tensors import price, price_tensors, space_keys
from mobilenet_jax.models import get_arch
from mobilenet_jax.space import get_space
from tests.latency.toy import PROVENANCE, toy_ms, toy_table

SPEC = get_arch('mobilenet_v3_small', 0.5, 160, 10)
FITTED = Correction(large=1.05, middle=1.2, small=1.3)


def corrected(wanted, correction):
  about = {**PROVENANCE, 'correction': correction}
  return LatencyTable(toy_table(wanted).rows, about)


def test_a_corrected_sum_is_the_sum_of_corrected_blocks():
  wanted = keys(SPEC)
  large, middle, small = by_size(wanted, [toy_ms(key) for key in wanted])
  assert min(large, middle, small) > 0
  assert sum(k.in_size >= 56 for k in wanted) == 2
  table = corrected(wanted, {**FITTED.to_json(), 'fitted_on': '20 networks'})
  expected = 1.05 * large + 1.2 * middle + 1.3 * small
  assert table.price(SPEC) == pytest.approx(expected)
  plain = toy_table(wanted).price(SPEC)
  assert plain == pytest.approx(large + middle + small)


def test_a_space_is_priced_with_the_correction():
  space = get_space('v3_tiny', 96, 10)
  table = corrected(space_keys(space.spec), FITTED.to_json())
  tensors = price_tensors(space.spec, table)
  vector = tuple(n - 1 for n in space.decisions.values())
  expected = table.price(space.decode(vector))
  assert price(tensors, vector) == pytest.approx(expected)
  assert expected > 1.05 * toy_table(table.rows).price(space.decode(vector))


@pytest.mark.parametrize(
  'value', [{'large': 'x'}, {'speed': 1.0}, {'small': -1}, [1.0], 2]
)
def test_a_correction_that_cannot_be_read_is_refused(value):
  with pytest.raises(UserError, match='correction'):
    corrected(keys(SPEC), value)
