"""Every kind of block computes the same in TFLite as in JAX.

Whole models do so in `experiments/zoo`, which takes its time.
"""

import jax
import numpy as np
import pytest

from mobilenet_jax import arch
from mobilenet_jax.export.tflite import Interpreter, network_to_tflite
from mobilenet_jax.models.builder import build, image_shape

TOLERANCE = 1e-4  # of the largest logit
BODIES = {
  'plain': 'conv_k3_s2_c8_hs max_k3_s2_ceil conv_k3_c8_re_g2 '
  'conv_k5_s2_c6_sw_p1_nonorm',
  'pooled': 'conv_k7_s2_c8_re max_k3_s2 max_k2_p0 max_k3_s2_p0_ceil',
  'mobile': 'ds_k3_s2_c8_r6 ir_k5_s2_e3_c8_se0.25_hs '
  'ir_k3_e2_c8_sq3_gs_sw_full ir_k3_e1_c8_re',
  'v4': 'fused_k3_s2_e2_c8_re uib_a3_k5_s2_e2_c8_re_ls uib_a5_s2_e2_c8_re '
  'se_sq3_re uib_e2_c8_ge',
  'attention': 'conv_k3_s2_c8_re mqa_k3_h2_kd4_v2_c8_ls mqa_k3_h2_kd4_c8',
  'dilated': 'conv_k3_c8_re_d2 ds_k3_c8_re_d2 conv_k3_s2_c8_re_d2 '
  'ds_k5_s2_c8_re_d2',
  'fire': 'conv_k3_s2_c8_re_p0_nonorm fire_sq4_c8_re_skip fire_sq4_c12_re',
  'shuffle': 'conv_k3_c6_re shuf_s2_c24_g3_re_open_down shuf_c24_g3_re',
  'split': 'split_s2_c8_re_down split_c8_re',
  'inception': 'inc_b2_rt2_t3_rf2_f3_q2_re res_s2_c8_re_proj res_c8_re',
}
HEADS = (
  'pool dense_c6_re_norm dense_c5_li',
  'flat_o3 dense_c5_li_nobias',  # 3 x 3 windows that overlap
  'conv_k1_c5_re_nonorm pool',
)


def test_every_kind_is_here():
  tokens = ' '.join((*BODIES.values(), *HEADS)).split()
  assert {token.split('_')[0] for token in tokens} == set(arch.KINDS)


@pytest.mark.parametrize('padding', ['', ',sym'], ids=['same', 'symmetric'])
@pytest.mark.parametrize('number', range(len(BODIES)), ids=list(BODIES))
def test_tflite_agrees_with_jax(number, padding):
  """Sides 35 and 34: SAME padding is even on one, uneven on the other."""
  body, head = list(BODIES.values())[number], HEADS[number % len(HEADS)]
  spec = arch.from_string(f'x@{34 + number % 2}{padding} {body} {head}')
  network = build(spec)
  rng = np.random.default_rng(0)
  image = rng.normal(size=image_shape(spec)).astype(np.float32)

  def run(key):
    variables = jax.tree.map(moved, network.init(key, image))
    return variables, network.apply(variables, image)

  quick = {'xla_backend_optimization_level': 0}
  variables, ours = jax.jit(run, compiler_options=quick)(jax.random.key(0))
  model = Interpreter(network_to_tflite(spec, variables))
  assert model.in_shape == image_shape(spec)
  np.testing.assert_allclose(
    model(image), ours, rtol=0, atol=TOLERANCE * np.abs(ours).max()
  )
  assert np.ptp(ours) > 0


def moved(leaf):
  """Biases, scales and statistics off their 0 and 1, so that all count."""
  noise = jax.random.normal(jax.random.key(leaf.size), leaf.shape)
  return leaf + 0.2 * noise if leaf.ndim == 1 else leaf
