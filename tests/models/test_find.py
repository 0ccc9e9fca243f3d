"""What names a network, and what may be asked for with it."""

import json

import pytest

import mobilenet_jax as mnj
from mobilenet_jax import arch
from mobilenet_jax.models.find import find_arch
from mobilenet_jax.space import get_space

TEXT = 'x@32 conv_k3_s2_c4_re pool dense_c5_li'
SPEC = arch.from_string(TEXT)


@pytest.fixture(params=['string', 'spec', 'file', 'path'])
def named(request, tmp_path):
  """The same network by everything that may name it."""
  path = tmp_path / 'arch.json'
  path.write_text(json.dumps(arch.to_json(SPEC)))
  ways = {'string': TEXT, 'spec': SPEC, 'file': str(path), 'path': path}
  return ways[request.param]


def test_a_resolution_is_that_of_any_network(named):
  assert mnj.create_model(named).spec == SPEC
  found = mnj.create_model(named, resolution=48, num_classes=5).spec
  assert found == SPEC.replace(resolution=48)
  assert mnj.create_model('mobilenet_v2', resolution=96).spec.resolution == 96


@pytest.mark.parametrize(
  ('asked', 'says'),
  [
    ({'num_classes': 10}, 'x has 5 classes, not 10'),
    ({'num_classes': 1000}, 'x has 5 classes, not 1000'),
    ({'width': 0.5}, 'A width multiplier goes with a name of the zoo only'),
    ({'resolution': 0}, 'resolution 0'),
    ({'resolution': 4.5}, 'resolution 4.5'),
    ({'output_stride': '2'}, "output_stride '2'"),
    ({'dropout': 1.5}, 'dropout is 1.5'),
    ({'dropout': -1}, 'dropout is -1'),
    ({'dropout': '0'}, "dropout is '0'"),
    ({'norm_momentum': 2}, 'norm_momentum is 2'),
  ],
)
def test_what_a_network_of_ones_own_cannot_be_asked(named, asked, says):
  with pytest.raises(mnj.UserError, match=says):
    mnj.create_model(named, **asked)


def test_a_resolution_that_windows_do_not_fit_into():
  with pytest.raises(mnj.UserError, match='does not fit'):
    find_arch('x@32 conv_k7_c4_re_p0 pool dense_c5_li', resolution=4)


def test_a_search_space_is_no_network(tmp_path):
  space = get_space('v3_tiny', 32, 10).spec
  path = tmp_path / 'space.json'
  path.write_text(json.dumps(arch.to_json(space)))
  for name in (space, str(path)):
    with pytest.raises(mnj.UserError, match='is a search space, not a network'):
      find_arch(name)


@pytest.mark.parametrize(
  ('call', 'says'),
  [
    (lambda: mnj.create_model(3), 'A int names no network'),
    (lambda: mnj.get_arch(3), 'Unknown model 3'),
    (lambda: mnj.get_arch('mobilenet_v2', width='a'), "Width 'a'"),
    (lambda: mnj.get_arch('mobilenet_v2', num_classes='a'), "channels 'a'"),
    (lambda: mnj.create_model('mobilenet_v2', width=0), 'Width 0'),
    (lambda: mnj.create_model(SPEC.replace(blocks=())), '0 blocks'),
  ],
)
def test_what_is_of_a_wrong_kind(call, says):
  with pytest.raises(mnj.UserError, match=says):
    call()
