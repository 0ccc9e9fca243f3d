"""The string and JSON forms read back exactly, and say what is wrong."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilenet_jax import arch
from mobilenet_jax.models import get_arch
from mobilenet_jax.space import get_space, list_spaces
from tests.arch.strategies import specs
from tests.models.golden import GOLDEN


@given(specs())
def test_random_specs_round_trip(spec):
  assert arch.from_string(arch.to_string(spec)) == spec
  assert arch.from_json(json.loads(json.dumps(arch.to_json(spec)))) == spec


@pytest.mark.parametrize('row', GOLDEN, ids=str)
def test_zoo_round_trips(row):
  spec = get_arch(*row[:3])
  assert arch.from_string(arch.to_string(spec)) == spec
  assert arch.from_json(json.loads(json.dumps(arch.to_json(spec)))) == spec


@pytest.mark.parametrize('name', list_spaces())
@settings(max_examples=25)
@given(data=st.data())
def test_networks_of_every_space_round_trip(name, data):
  space = get_space(name, 64, 10)
  vector = [data.draw(st.integers(0, n - 1)) for n in space.decisions.values()]
  spec = space.decode(vector, 'drawn')
  assert arch.from_string(arch.to_string(spec)) == spec
  assert arch.from_json(arch.to_json(spec)) == spec


@pytest.mark.parametrize('name', list_spaces())
def test_spaces_round_trip_as_json(name):
  spec = get_space(name, 64, 10).spec
  assert arch.from_json(json.loads(json.dumps(arch.to_json(spec)))) == spec


def test_the_string_form_is_readable():
  text = (
    'tiny@64,ch1,eps1e-05 conv_k3_s2_c16_hs ir_k5_s2_e11/3_c24_se0.25_hs_noskip'
    ' ds_k3_c32_r6 pool dense_c10_li'
  )
  spec = arch.from_string(text)
  assert arch.to_string(spec) == text
  assert spec.blocks[1].expand_ratio == 88 / 24
  assert not spec.blocks[1].residual


@pytest.mark.parametrize(
  ('text', 'says'),
  [
    ('', 'name@resolution'),
    ('x@64 cov_k3_c8_re', "'conv'"),
    ('x@64 conv_k3_c8_rx', "'rx'"),
    ('x@64 conv_k3_c8_k3_re', 'kernel stands twice'),
    ('x@64 conv_k3_re', 'channels'),
    ('x@64 conv_k3_c8.5_re', 'whole number'),
    (
      'x@64 conv_k1_c65536_re ir_k3_e2_c8_re pool dense_c10_li',
      '131072 channels inside',
    ),
    ('x@64 conv_k3_c0_re', 'channels 0'),
    ('x@64 ir_k3_e1/0_c8_re', '1/0'),
    ('x@64 conv_k3_c8_re dense_c10_li', 'needs a pool'),
    ('x@64 pool conv_k3_c8_re', 'after the pool'),
    ('x@99999 pool dense_c10_li', '99999'),
    ('../x@64 pool', 'name@resolution'),
    ('x@64,ch3.7 pool dense_c10_li', 'ch in .* is not a whole number'),
    ('x@64 pool', 'no layer that makes classes'),
    ('x@64 max_k3', 'no layer that makes classes'),
  ],
)
def test_bad_strings_are_explained(text, says):
  with pytest.raises(arch.SpecError, match=says):
    arch.from_string(text)


@pytest.mark.parametrize(
  ('change', 'says'),
  [
    ({'format': 'other'}, 'format'),
    ({'resolutoin': 3}, "'resolution'"),
    ({'blocks': 3}, 'not a list'),
    ({'blocks': [{'kind': 'cnv'}]}, "'conv'"),
    ({'blocks': [{'kind': 'conv', 'kernal': 3}]}, "'kernel'"),
    ({'resolution': '64'}, "'64'"),
    ({'norm_epsilon': 2}, 'norm_epsilon'),
    ({'norm_epsilon': 'a'}, "norm_epsilon 'a'"),
    ({'norm_epsilon': True}, 'norm_epsilon True'),
    ({'name': 5}, 'name 5'),
    ({'name': ''}, 'name '),
    ({'background': 'yes'}, "background 'yes' is not a bool"),
    ({'padding': ['same']}, 'padding'),
    ({'inputs': {'mean': 3}}, 'mean 3 is not three numbers'),
    ({'inputs': {'mean': ['a', 1, 2]}}, "mean .'a', 1, 2. is not three"),
    ({'inputs': {'mean': [0, 0]}}, 'mean .0, 0. is not three'),
    ({'inputs': {'std': [0, 1, 1]}}, 'std .0, 1, 1. is not three'),
    ({'inputs': {'crop': 'z'}}, "crop 'z'"),
    ({'inputs': {'squash': 1}}, 'squash 1 is not a bool'),
    ({'inputs': {'interpolation': ['bilinear']}}, 'resize'),
    ({'blocks': [{'kind': ['conv']}]}, 'Unknown kind'),
    ({'blocks': [{'kind': 'pool', 'x': 1}]}, "'x'"),
    (
      {'blocks': [{'kind': 'dense', 'channels': 3, 'activation': ['relu']}]},
      'activation',
    ),
    (
      {'blocks': [{'kind': 'dense', 'channels': {'one_of': 3, 'tag': 'a'}}]},
      'one_of',
    ),
  ],
)
def test_bad_json_is_explained(change, says):
  good = arch.to_json(get_arch('mobilenet_v3_small'))
  with pytest.raises(arch.SpecError, match=says):
    arch.from_json({**good, **change})
