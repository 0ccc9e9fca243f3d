"""Dense prediction: strides that become dilation."""

import jax
import numpy as np
import pytest

from mobilenet_jax import arch
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.models import get_arch
from mobilenet_jax.models.builder import build, image_shape, variable_shapes

# of every family, down to 1/32; at these sides no last window of a pool hangs
# over the end
BODIES = {
  'plain@65,sym': 'conv_k3_s2_c4_re conv_k5_s2_c4_hs max_k3_s2 '
  'conv_k3_s2_c6_re_p1 conv_k3_c6_re_p1_g2 conv_k3_s2_c6_re conv_k3_c6_li_p1',
  'mobile@65,sym': 'conv_k3_s2_c4_re ds_k3_s2_c4_r6 ir_k3_s2_e2_c6_re '
  'ir_k5_e2_c6_hs ir_k5_s2_e2_c6_re ir_k3_e2_c6_re ir_k3_s2_e2_c6_re '
  'ir_k5_e2_c6_re',
  'v4@65,sym': 'conv_k3_s2_c4_re fused_k3_s2_e2_c4_re uib_a3_k5_s2_e2_c6_re '
  'uib_a3_e2_c6_re uib_a5_s2_e2_c6_re uib_a3_e2_c6_re_ls uib_e2_c6_re '
  'uib_k3_s2_e2_c6_re uib_a5_e2_c6_re',
  'fire@125,sym': 'conv_k3_s2_c4_re_p1_nonorm max_k3_s2_p0_ceil fire_sq2_c4_re '
  'max_k3_s2_p0_ceil fire_sq2_c4_re_skip max_k3_s2_p0_ceil fire_sq2_c4_re '
  'max_k3_s2_p0_ceil fire_sq2_c4_re',
  'shuffle@65,sym': 'conv_k3_s2_c4_re shuf_s2_c16_g2_re_open_down '
  'shuf_s2_c24_g2_re_down shuf_c24_g2_re shuf_s2_c32_g2_re_down '
  'shuf_s2_c40_g2_re_down shuf_c40_g2_re',
  'split@65,sym': 'conv_k3_s2_c4_re max_k3_s2 split_s2_c6_re_down '
  'split_s2_c8_re_down split_c8_re split_s2_c8_re_down split_c8_re',
  'inception@109,sym': 'conv_k3_s2_c4_re max_k3_s2_p0_ceil '
  'max_k3_s2_p0_ceil inc_b2_rt2_t2_rf2_f2_q2_re max_k3_s2_p0_ceil '
  'inc_b2_rt2_t2_rf2_f2_q2_re max_k2_s2_p0_ceil inc_b2_rt2_t2_rf2_f2_q2_re',
  'residual@65,sym': 'conv_k3_s2_c4_re max_k3_s2 res_s2_c8_re_proj res_c8_re '
  'res_s2_c8_re_proj res_c8_re res_s2_c8_re_proj res_c8_re',
}
# SAME padding of even sides puts the strided grid on the other pixels
BODIES['same@64'] = BODIES['mobile@65,sym']
QUICK = {'xla_backend_optimization_level': 0}


def variables_of(network):
  """Noise for every tensor, so that a bias beside the padding counts."""
  rng = np.random.default_rng(0)

  def noise(path, leaf):
    made = rng.normal(size=leaf.shape).astype(np.float32)
    if leaf.ndim == 1:
      return 0.2 * made + (path[-1].key in ('scale', 'var'))
    return made / np.sqrt(np.prod(leaf.shape[:-1]) / 2)

  return jax.tree_util.tree_map_with_path(noise, variable_shapes(network))


@pytest.mark.parametrize('head', BODIES)
def test_dilation_computes_the_strided_network_more_densely(head):
  """Some pixels of the dense features are those of the usual ones."""
  spec = arch.from_string(f'{head} {BODIES[head]} pool dense_c2_li')
  last = arch.endpoints(spec)['stride32']
  specs = [spec, *(arch.with_output_stride(spec, s) for s in (16, 8))]

  networks = [build(s, impl='portable') for s in specs]

  def features(variables, images):
    return [n.apply(variables, images, taps=(last,))[last] for n in networks]

  images = np.random.default_rng(1).normal(size=image_shape(spec))
  run = jax.jit(features, compiler_options=QUICK)
  usual, *dense = map(np.asarray, run(variables_of(networks[0]), images))
  assert usual.std() > 0
  for found, rate in zip(dense, (2, 4), strict=True):
    first = rate - 1 if spec.padding == 'same' else 0
    same = found[:, first::rate, first::rate]
    np.testing.assert_allclose(same, usual, atol=1e-4 * np.abs(usual).max())


@pytest.mark.parametrize(
  ('stride', 'says'),
  [
    (5, 'no output stride 5; its strides are 2, 4, 8, 16, 32'),
    ('8', "output_stride '8' is not a whole number"),
    (8.0, 'output_stride 8.0'),
    (0, 'output_stride 0'),
  ],
)
def test_an_output_stride_that_is_not_there(stride, says):
  with pytest.raises(UserError, match=says):
    arch.with_output_stride(get_arch('mobilenet_v2'), stride)
