"""The tables of others themselves, and the one that ships."""

from pathlib import Path

import pytest

from experiments.latency.make_pixel1_single_path_nas import NAME, make
from mobilenet_jax.arch import Conv, Dense, InvertedResidual, Pool
from mobilenet_jax.latency.importers import import_table
from mobilenet_jax.latency.key import keys
from mobilenet_jax.latency.table import LatencyTable
from mobilenet_jax.models import get_arch

LUT = Path(__file__).parents[4] / 'shared' / 'data' / 'lut'
samples = pytest.mark.skipif(not LUT.exists(), reason='no tables of others')
OFA_STAGES = (  # channels, stride, squeeze_excite, activation
  (32, 2, 0, 'relu'),
  (48, 2, 0.25, 'relu'),
  (96, 2, 0, 'hard_swish'),
  (136, 1, 0.25, 'hard_swish'),
  (192, 2, 0.25, 'hard_swish'),
)


def ofa_network(kernel, ratio, depth):
  """A network of Once-for-All's space, as MobileNetV3 is."""
  body = [InvertedResidual(kernel=3, expand_ratio=1, channels=24)]
  body += [
    InvertedResidual(
      kernel=kernel,
      stride=stride if layer == 0 else 1,
      expand_ratio=ratio,
      channels=channels,
      squeeze_excite=se,
      activation=activation,
    )
    for channels, stride, se, activation in OFA_STAGES
    for layer in range(depth)
  ]
  act = 'hard_swish'
  return get_arch('mobilenet_v3_large').replace(
    blocks=(
      Conv(kernel=3, stride=2, channels=24, activation=act),
      *body,
      Conv(kernel=1, channels=1152, activation=act),
      Pool(),
      Dense(channels=1536, activation=act),
      Dense(channels=1000),
    )
  )


def narrow(spec):
  """ProxylessNAS-mobile with 24 channels at 56 pixels, as its space has."""
  blocks = tuple(
    b.__class__(**{**b.__dict__, 'channels': 24})
    if isinstance(b, InvertedResidual) and b.channels == 32
    else b
    for b in spec.blocks
  )
  return spec.replace(blocks=blocks)


@samples
def test_proxylessnas_prices_its_space_and_all_but_the_wide_stage_of_ours():
  table = import_table(LUT / 'pixel1_proxylessnas.yaml', 'proxylessnas')
  assert len(table.rows) == 72 + 1
  spec = get_arch('proxylessnas_mobile')
  missing = table.missing(keys(spec))  # the table has 24 channels there
  assert len(missing) == 3
  assert all(32 in (key.in_channels, key.out_channels) for key in missing)
  # 78 ms published for ours, whole; sums of blocks are above that
  assert table.price(narrow(spec)) == pytest.approx(82.524, abs=1e-3)
  assert 80 < table.predict(spec, 'interpolate').ms < 90


@samples
def test_ofa_prices_networks_of_its_space():
  table = import_table(LUT / 'note10_ofa_224.yaml', 'ofa')
  assert len(table.rows) == 96
  small, large = ofa_network(3, 3, 2), ofa_network(7, 6, 4)
  assert table.missing(keys(small) + keys(large)) == []
  # searches of the space found networks of 8 to 64 ms on this phone
  assert table.price(small) == pytest.approx(17.769, abs=1e-3)
  assert table.price(large) == pytest.approx(92.398, abs=1e-3)


@samples
def test_single_path_nas_is_the_table_that_ships():
  path = LUT / 'pixel1_single_path_nas.json'
  table = import_table(path, 'single-path-nas')
  shipped = LatencyTable.load(NAME)
  assert set(table.rows) == set(shipped.rows)
  for key, timing in table.rows.items():
    assert timing.ms == pytest.approx(shipped[key].ms, rel=1e-9)
  assert table.provenance == shipped.provenance


def test_the_shipped_table_is_what_its_script_makes():
  shipped, made = LatencyTable.load(NAME), make()
  assert shipped.rows == made.rows
  assert shipped.provenance == made.provenance


def test_the_shipped_table_prices_the_network_that_was_found_with_it():
  price = LatencyTable.load(NAME).price(get_arch('spnasnet'))
  assert price == pytest.approx(80.444, abs=1e-3)  # 79 ms in the paper
