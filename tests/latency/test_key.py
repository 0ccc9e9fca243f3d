"""A key says what a block computes: no less, and nothing more."""

import dataclasses

import pytest
from hypothesis import given

from mobilenet_jax import arch
from mobilenet_jax.arch import block_from_string
from mobilenet_jax.latency.key import block_key, block_of, io_of, keys
from tests.arch.strategies import specs

SAME = [
  # what the channels come to, not the ratio
  ('ir_k3_e6_c24_re', 'ir_k3_e6.01_c24_re', 16),
  ('ir_k3_e6_c24_se0.25_re', 'ir_k3_e6_c24_sq24_re', 16),
  ('uib_a3_k5_e4_c24_re', 'uib_a3_k5_e4.02_c24_re', 16),
  ('fused_k3_e4_c24_re', 'fused_k3_e4.02_c24_re', 16),
  # a shortcut that cannot be
  ('ir_k3_e6_c24_re', 'ir_k3_e6_c24_re_noskip', 16),
  ('fused_k3_s2_e4_c24_re', 'fused_k3_s2_e4_c24_re_noskip', 24),
  # an expansion that is there anyway, a gate that is not
  ('ir_k3_e6_c24_re', 'ir_k3_e6_c24_re_full', 16),
  ('ir_k3_e6_c24_re', 'ir_k3_e6_c24_gs_re', 16),
  # a norm is a bias once it is deployed
  ('conv_k3_s2_c8_re', 'conv_k3_s2_c8_re_nonorm', 3),
  ('se_sq8_re', 'se_sq8_hs', 16),
]
DIFFERENT = [
  ('ir_k3_e6_c16_re', 'ir_k3_e6_c16_re_noskip', 16),
  ('ir_k3_e1_c16_re', 'ir_k3_e1_c16_re_full', 16),
  ('ir_k3_e6_c24_sq8_re', 'ir_k3_e6_c24_sq8_gs_re', 16),
  ('ir_k3_e6_c24_re', 'ir_k3_e6_c24_re_d2', 16),
  ('conv_k3_c16_re', 'conv_k3_c16_re_g16', 16),
  ('se_sq8_gs_re', 'se_sq8_gs_hs', 16),
]


def key_of(token, channels, padding='same'):
  block = block_from_string(token)
  return block_key(block, block.io(14, channels, padding), padding=padding)


@pytest.mark.parametrize(('one', 'other', 'channels'), SAME)
def test_tokens_of_one_computation_have_one_key(one, other, channels):
  assert key_of(one, channels) == key_of(other, channels)


@pytest.mark.parametrize(('one', 'other', 'channels'), DIFFERENT)
def test_other_computations_have_other_keys(one, other, channels):
  assert key_of(one, channels) != key_of(other, channels)


def test_padding_is_part_of_a_key_only_where_it_matters():
  for token, matters in (
    ('ir_k3_e6_c24_re', False), ('ir_k3_s2_e6_c24_re', True),
    ('max_k3_s2', True), ('max_k3_s2_p1', False), ('conv_k1_s2_c8_re', False),
    ('conv_k2_c8_re', True), ('mqa_k3_h2_kd8_v2_c16', True),
  ):  # fmt: skip
    differs = key_of(token, 16, 'symmetric') != key_of(token, 16)
    assert differs == matters, token


@given(specs())
def test_a_key_gives_back_a_block_of_the_same_key_and_shape(spec):
  for key, io in zip(keys(spec), arch.shapes(spec), strict=True):
    again = block_key(block_of(key), io_of(key), padding=spec.padding)
    assert again == key
    assert (io_of(key).out_size, io_of(key).out_channels) == (
      io.out_size, io.out_channels,
    )  # fmt: skip
    assert dataclasses.replace(key, dtype='int8') != key


@given(specs())
def test_the_block_of_a_key_costs_what_its_own_block_costs(spec):
  for block, key, io in zip(
    spec.blocks, keys(spec), arch.shapes(spec), strict=True
  ):
    weights = [row.weights for row in block.layers(io)]
    assert [r.weights for r in block_of(key).layers(io_of(key))] == weights
