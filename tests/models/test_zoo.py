"""The zoo is exact: golden counts, and what Flax and tracing see."""

import pytest

from mobilenet_jax import arch
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.models import get_arch, get_model, list_models
from mobilenet_jax.models.builder import build
from tests.models.golden import GOLDEN
from tests.models.tracing import assert_traced_as_counted, traced

# large by nature; the smallest side at which all their windows fit
SIDES = {'alexnet': 64, 'squeezenet_1_0': 48, 'squeezenet_1_0_bypass': 48}


@pytest.mark.parametrize('row', GOLDEN, ids=str)
def test_golden_counts(row):
  name, width, resolution, params, macs = row
  counts = arch.count(get_arch(name, width, resolution))
  if params is None:  # known from a table's rounded figure
    assert counts.macs == pytest.approx(macs, rel=0.015)
    return
  assert counts.params == params
  assert macs is None or counts.macs == macs


def test_every_model_has_a_golden_row():
  assert set(list_models()) == {row[0] for row in GOLDEN}


def small(name, classes=7):
  """A network of the zoo, as narrow and small as it goes."""
  scales = get_model(name).scales
  width = 0.5 if name == 'shufflenet_v2' else 0.25 if scales else 1.0
  return get_arch(name, width, SIDES.get(name, 33), classes)


@pytest.mark.parametrize('name', list_models())
def test_counts_and_shapes_are_those_that_flax_traces(name):
  assert_traced_as_counted(small(name))


@pytest.mark.parametrize('name', list_models())
def test_string_json_and_registry_are_the_same_network(name):
  for spec in (get_arch(name), small(name)):
    assert arch.from_string(arch.to_string(spec)) == spec
    assert arch.from_json(arch.to_json(spec)) == spec
  assert build(arch.from_string(arch.to_string(spec))) == build(spec)


@pytest.mark.parametrize('name', list_models())
def test_output_stride_keeps_the_weights(name):
  spec = get_arch(name)
  for stride in (8, 16):
    dense = arch.with_output_stride(spec, stride)
    assert arch.count(dense).params == arch.count(spec).params
    side = next(
      io.in_size
      for block, io in zip(dense.blocks, arch.shapes(dense), strict=True)
      if isinstance(block, arch.Pool | arch.Flatten)
    )
    # less where windows have no padding
    assert side == pytest.approx(spec.resolution / stride, rel=0.3)
  usual = small(name).replace(resolution=80)
  dense = arch.with_output_stride(usual, 8)
  assert traced(dense)[0] == traced(usual)[0]


def test_endpoints_name_the_last_block_of_each_size():
  spec = get_arch('mobilenet_v3_large')
  found = arch.endpoints(spec)
  sizes = {name: arch.shapes(spec)[i].out_size for name, i in found.items()}
  assert sizes == {
    'stride2': 112, 'stride4': 56, 'stride8': 28, 'stride16': 14,
    'stride32': 7, 'pool': 1, 'embedding': 1,
  }  # fmt: skip
  assert arch.shapes(spec)[found['embedding']].out_channels == 1280


@pytest.mark.parametrize(
  ('call', 'says'),
  [
    (lambda: get_arch('mobilnet_v3_smal'), "Did you mean 'mobilenet_v3_small'"),
    (lambda: get_arch('mobilenet_v3_small', 0), 'Width 0'),
    (lambda: get_arch('mobilenet_v3_small', 1.0, 0), 'resolution 0'),
    (lambda: get_arch('mobilenet_v3_small', 1.0, 32, 0), 'channels 0'),
    (lambda: get_arch('resnet50', 0.5), 'resnet50 has no width multiplier'),
    (lambda: get_arch('shufflenet_v2', 0.75), '0.5, 1.0, 1.5, 2.0'),
    (lambda: get_arch('alexnet', 1.0, 20), 'does not fit'),
    (lambda: list_models('mobilenet'), 'Unknown family'),
  ],
)
def test_bad_names_and_numbers(call, says):
  with pytest.raises(UserError, match=says):
    call()
