"""What a sum of blocks misses is carried by the blocks."""

import pytest

from mobilenet_jax.arch import count
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.latency.correction import Correction, network_terms
from mobilenet_jax.latency.key import keys
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.latency.tensors import price, price_tensors, space_keys
from mobilenet_jax.models import get_arch
from mobilenet_jax.space import get_space
from tests.latency.toy import PROVENANCE, toy_ms, toy_table

SPEC = get_arch('mobilenet_v3_small', 0.5, 64, 10)
FITTED = Correction(scale=0.9, block_ms=-1e-5, weight_ms=0.02)


def corrected(wanted, **correction):
  about = {**PROVENANCE, 'correction': correction}
  return LatencyTable(toy_table(wanted).rows, about)


def test_a_corrected_sum_is_the_corrected_sum():
  wanted = keys(SPEC)
  times = [toy_ms(key) for key in wanted]
  total, blocks, weights = network_terms(wanted, times)
  assert total == pytest.approx(sum(times))
  assert blocks == len(SPEC.blocks)
  assert weights * 1e6 == pytest.approx(count(SPEC).params, rel=0.05)
  table = corrected(wanted, **FITTED.to_json(), fitted_on='20 networks')
  expected = 0.9 * total - 1e-5 * blocks + 0.02 * weights
  assert table.price(SPEC) == pytest.approx(expected)


def test_a_space_is_priced_with_the_correction():
  space = get_space('v3_tiny', 32, 10)
  table = corrected(space_keys(space.spec), **FITTED.to_json())
  tensors = price_tensors(space.spec, table)
  vector = tuple(n - 1 for n in space.decisions.values())
  expected = table.price(space.decode(vector))
  assert price(tensors, vector) == pytest.approx(expected)


def test_no_block_is_cheaper_than_nothing():
  table = corrected(keys(SPEC), block_ms=-1e3)
  assert table.price(SPEC) == 0.0


@pytest.mark.parametrize('value', [{'scale': 'x'}, {'speed': 1.0}, [1.0], 2])
def test_a_correction_that_cannot_be_read_is_refused(value):
  with pytest.raises(UserError, match='correction'):
    LatencyTable(
      toy_table(keys(SPEC)).rows, {**PROVENANCE, 'correction': value}
    )
