"""Every kind of block trains, and runs in bfloat16.

Whole models do so in `experiments/zoo`, which takes its time.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mobilenet_jax import arch
from mobilenet_jax.models.builder import build, image_shape

BODIES = {
  'plain': 'conv_k3_s2_c8_hs max_k3_s2_ceil conv_k3_c8_re_g2 conv_k1_c6_nonorm',
  'mobile': 'ds_k3_c8_r6 ir_k5_s2_e3_c8_se0.25_hs ir_k3_e2_c8_sq3_gs_sw_full',
  'v4': 'fused_k3_s2_e2_c8_re uib_a3_k5_e2_c8_re_ls se_sq3_re uib_e2_c8_ge',
  'attention': 'conv_k3_s2_c8_re mqa_k3_h2_kd4_v2_c8_ls mqa_k3_h2_kd4_c8',
  'fire': 'fire_sq4_c8_re fire_sq4_c8_re_skip',
  'shuffle': 'conv_k3_c6_re shuf_s2_c24_g3_re_open_down shuf_c24_g3_re',
  'split': 'split_s2_c8_re_down split_c8_re',
  'inception': 'inc_b2_rt2_t3_rf2_f3_q2_re res_s2_c8_re_proj res_c8_re',
}
HEADS = ('pool dense_c6_re_norm dense_c5_li', 'flat_o2 dense_c5_li_nobias')


def test_every_kind_is_here():
  tokens = ' '.join((*BODIES.values(), *HEADS)).split()
  assert {token.split('_')[0] for token in tokens} == set(arch.KINDS)


@pytest.mark.parametrize('number', range(len(BODIES)), ids=list(BODIES))
def test_gradients_are_finite_and_bfloat16_runs(number):
  body, head = list(BODIES.values())[number], HEADS[number % len(HEADS)]
  spec = arch.from_string(f'x@12 {body} {head}')
  network, half = build(spec), build(spec, dtype=jnp.bfloat16)
  images = np.random.default_rng(0).normal(size=image_shape(spec, 4))
  images = images.astype(np.float32)

  def run(key):
    variables = network.init(key, images)

    def loss(params):
      logits, _ = network.apply(
        {**variables, 'params': params},
        images,
        train=True,
        mutable=['batch_stats'],
      )
      return -jax.nn.log_softmax(logits)[:, 0].mean()

    return jax.grad(loss)(variables['params']), half.apply(variables, images)

  quick = {'xla_backend_optimization_level': 0}
  grads, logits = jax.jit(run, compiler_options=quick)(jax.random.key(0))
  assert logits.shape == (4, 5)
  assert logits.dtype == jnp.float32
  assert bool(jnp.all(jnp.isfinite(logits)))
  for path, leaf in jax.tree_util.tree_leaves_with_path(grads):
    where = jax.tree_util.keystr(path)
    assert bool(jnp.all(jnp.isfinite(leaf))), where
    # a bias before a norm, and what ReLU cuts off, may have none
    if path[-1].key == 'kernel':
      assert bool(jnp.any(leaf != 0)), where
