"""Narrower networks: valid ones, and with the weights that they had."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mobilenet_jax.arch import (
  InvertedResidual,
  block_from_string,
  check,
  from_string,
  has_expansion,
  has_shortcut,
  shapes,
  to_string,
)
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.models import get_arch, narrow, widths
from mobilenet_jax.models.builder import build, variable_shapes
from mobilenet_jax.tasks import classification
from mobilenet_jax.train.optimizers import optimizer
from mobilenet_jax.train.state import create_state
from tests.train.toy import settings

ZOO = (
  'mobilenet_v1', 'mobilenet_v2', 'mobilenet_v3_small', 'mobilenet_v3_large',
  'mobilenet_v4_conv_small', 'mobilenet_v4_hybrid_medium', 'mnasnet_a1',
  'efficientnet_lite0',
)  # fmt: skip
# every kind that can be narrowed, shortcuts, an expansion that does not widen
# and one that is there all the same, gates of both kinds
EVERYTHING = from_string(
  'everything@16 conv_k3_s2_c16_hs ir_k3_e1_c16_se0.5_re ir_k3_s2_e3_c24_hs '
  'ir_k3_e1_c24_sq4_gs_sw_full ds_k3_c32_r6 se_sq8_re fused_k3_e2_c32_re '
  'uib_a3_k3_e2_c40_ge_ls mqa_k3_h2_kd8_v2_c40_ls pool dense_c32_hs_norm '
  'dense_c10_li'
)
LEARNS = (
  'learns@8 conv_k3_s2_c16_hs ir_k3_e2_c16_se0.5_hs uib_a3_k3_e2_c16_ge_ls '
  'mqa_k3_h2_kd8_c16 conv_k1_c24_re pool dense_c16_hs_norm dense_c10_li'
)
ONE = 'one@8 conv_k3_s2_c16_re ir_k3_e2_c16_re conv_k1_c24_re pool dense_c10_li'


def random_variables(spec, seed=0):
  rng = np.random.default_rng(seed)
  shapes = variable_shapes(build(spec))

  def draw(path, leaf):
    values = rng.normal(size=leaf.shape) * 0.4
    if path[-1].key in ('var', 'scale'):
      values = 1 + abs(values)
    return jnp.asarray(values, jnp.float32)

  return jax.tree_util.tree_map_with_path(draw, shapes)


def a_narrower(spec, seed=0):
  rng = np.random.default_rng(seed)
  wanted = {
    w.name: int(rng.choice([*w.fewer, w.channels])) for w in widths.widths(spec)
  }
  return widths.with_widths(spec, wanted)


@pytest.mark.parametrize('name', ZOO)
def test_every_narrower_network_is_valid_and_of_the_same_structure(name):
  seed = get_arch(name, 1.0, 64, 10)

  def structure(spec):
    return [
      (
        isinstance(b, InvertedResidual) and has_expansion(b, io.in_channels),
        hasattr(b, 'residual') and has_shortcut(b, io.in_channels),
      )
      for b, io in zip(spec.blocks, shapes(spec), strict=True)
    ]

  for spec in (
    widths.narrowest(seed),
    *(
      widths.with_widths(seed, {w.name: n})
      for w in widths.widths(seed)
      for n in {w.least, max(w.channels - 8, w.least)}
    ),
    *(a_narrower(seed, i) for i in range(5)),
  ):
    check(spec)
    assert structure(spec) == structure(seed)
    assert from_string(to_string(spec)).blocks == spec.blocks


def test_only_the_wanted_group_changes():
  seed = get_arch('mobilenet_v3_large', 1.0, 64, 10)
  before = widths.sizes(seed)
  for width in widths.widths(seed):
    for n in (width.fewer[-1], width.least):
      after = widths.sizes(widths.with_widths(seed, {width.name: n}))
      changed = {g for g in before if before[g] != after[g]}
      follows = width.name.replace('.expand', '.squeeze')
      assert width.name in changed
      if width.name == 'block_00':  # the first block has no expansion
        assert changed == {'block_00'}
      assert changed <= {width.name, follows}, width
      assert after[width.name] == n


def test_shortcuts_join_the_blocks_that_the_paper_says():
  names = [w.name for w in widths.widths(get_arch('mobilenet_v3_large'))]
  groups = [n for n in names if '.' not in n]
  # the stem and the first block; 24, 40, 80, 112, 160; 960; 1280
  assert groups == [
    'block_00', 'block_02', 'block_04', 'block_07', 'block_11', 'block_13',
    'block_16', 'block_18',
  ]  # fmt: skip
  assert [n for n in names if '.' in n] == [
    f'block_{i:02d}.expand' for i in range(2, 16)
  ]


def test_channels_that_come_to_agree_make_no_new_shortcut():
  spec = from_string('x@8 conv_k3_c16_re ir_k3_e2_c24_re pool dense_c10_li')
  narrower = widths.with_widths(spec, {'block_01': 16, 'block_01.expand': 16})
  assert narrower.blocks[1] == block_from_string('ir_k3_e1_c16_re_noskip_full')


@pytest.mark.parametrize(
  'blocks', ['conv_k3_c16_re conv_k3_c16_g2_re', 'fire_sq8_c32_re']
)
def test_blocks_that_cannot_be_narrowed_are_named(blocks):
  spec = from_string(f'x@8 conv_k3_c8_re {blocks} pool dense_c10_li')
  with pytest.raises(UserError, match=r'x, block_0[12]: a .* cannot be made'):
    widths.widths(spec)


def test_keeping_all_channels_changes_nothing():
  variables = random_variables(EVERYTHING)
  masks = narrow.all_channels(EVERYTHING)
  for keep in narrow.KEEP:
    same = narrow.narrowed(EVERYTHING, variables, masks, EVERYTHING, keep)
    for form in (narrow.cut, narrow.silenced):
      jax.tree.map(
        np.testing.assert_array_equal, form(EVERYTHING, variables, same),
        variables,
      )  # fmt: skip


@functools.cache
def outputs(network, train):
  return jax.jit(
    lambda v, x: network.apply(v, x, train=train, mutable=['batch_stats'])[0],
    compiler_options={'xla_backend_optimization_level': 0},
  )


@pytest.mark.parametrize('keep', narrow.KEEP)
def test_both_forms_compute_the_same_network(keep):
  variables = random_variables(EVERYTHING)
  images = jax.random.normal(jax.random.key(0), (4, 16, 16, 3))
  masks = narrow.all_channels(EVERYTHING)
  spec = a_narrower(EVERYTHING, 1)
  masks = narrow.narrowed(EVERYTHING, variables, masks, spec, keep)
  spec = a_narrower(spec, 2)  # and narrower still
  masks = narrow.narrowed(EVERYTHING, variables, masks, spec, keep)
  silenced = narrow.silenced(EVERYTHING, variables, masks)
  cut = narrow.cut(EVERYTHING, variables, masks)
  shapes = jax.tree.map(jnp.shape, cut)
  assert shapes == jax.tree.map(jnp.shape, variable_shapes(build(spec)))
  for train in (False, True):
    wide, thin = (
      outputs(network, train)(v, images)
      for network, v in ((build(EVERYTHING), silenced), (build(spec), cut))
    )
    np.testing.assert_allclose(wide, thin, rtol=1e-4, atol=1e-4)


def test_a_channel_without_weight_can_be_dropped_unnoticed():
  """By the norm it is the one that goes, wherever it stands."""
  seed = from_string(ONE)
  variables = random_variables(seed)
  masks = narrow.all_channels(seed)
  for mask in masks.values():
    if len(mask) > 10:
      mask[[0, 2, 3, 4, 5, 6, 7, 11]] = False
  variables = narrow.silenced(seed, variables, masks)
  wanted = {w.name: int(masks[w.name].sum()) for w in widths.widths(seed)}
  spec = widths.with_widths(seed, wanted)
  whole = narrow.all_channels(seed)
  chosen = narrow.narrowed(seed, variables, whole, spec, 'norm')
  for name in wanted:
    np.testing.assert_array_equal(chosen[name], masks[name])
  images = jax.random.normal(jax.random.key(0), (4, 8, 8, 3))
  np.testing.assert_allclose(
    outputs(build(spec), False)(narrow.cut(seed, variables, chosen), images),
    outputs(build(seed), False)(variables, images),
    rtol=1e-4,
    atol=1e-5,
  )


def test_norms_count_every_layer_that_makes_a_channel():
  seed = from_string(ONE)
  variables = random_variables(seed)
  spec = widths.with_widths(seed, {'block_00': 8})
  masks = narrow.all_channels(seed)
  chosen = narrow.narrowed(seed, variables, masks, spec, 'norm')['block_00']
  params = variables['params']
  stem = params['block_00']['conv']['kernel']
  added = params['block_01']['project']['conv']['kernel']
  squares = (stem**2).sum((0, 1, 2)) + (added**2).sum((0, 1, 2))
  assert set(np.flatnonzero(chosen)) == set(np.argsort(-squares)[:8].tolist())
  first = narrow.narrowed(seed, variables, masks, spec, 'first')['block_00']
  np.testing.assert_array_equal(np.flatnonzero(first), np.arange(8))


def test_the_seeds_program_trains_the_narrower_network():
  """Several steps of both forms: dropped weights stay zero, the others get
  what they get in the network of their own."""
  seed = from_string(LEARNS)
  variables = random_variables(seed, 3)
  spec = a_narrower(seed, 4)
  masks = narrow.all_channels(seed)
  masks = narrow.narrowed(seed, variables, masks, spec, 'norm')
  rng = np.random.default_rng(0)
  batches = [
    {
      'image': jnp.asarray(rng.normal(size=(8, 8, 8, 3)), jnp.float32),
      'label': jnp.asarray(rng.integers(0, 10, 8)),
    }
    for _ in range(3)
  ]
  rule = optimizer(
    settings(learning_rate=0.02, weight_decay=1e-3, clip_norm=5.0), 3
  )
  ends = []
  for network, start in (
    (build(seed), narrow.silenced(seed, variables, masks)),
    (build(spec), narrow.cut(seed, variables, masks)),
  ):
    step = classification.train_step(network, rule, smoothing=0.1, seed=0)
    state = create_state(start, rule)
    for batch in batches:
      state, _ = step(state, batch)
    ends.append(jax.device_get(state.variables))
  silent = narrow.silenced(seed, ends[0], masks)
  jax.tree.map(np.testing.assert_array_equal, silent, ends[0])
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-4),
    narrow.cut(seed, ends[0], masks),
    ends[1],
  )
