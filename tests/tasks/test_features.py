"""Features at named places of a network."""

import jax
import numpy as np
import pytest

import mobilenet_jax as mnj
from mobilenet_jax.arch import endpoints, shapes
from mobilenet_jax.tasks.classification import init_variables

SPEC = mnj.create_model(
  'x@64 conv_k3_s2_c8_hs ir_k3_s2_e2_c8_re ir_k5_s2_e2_c12_se0.25_hs '
  'ir_k3_s1_e2_c12_hs conv_k1_s2_c32_hs pool dense_c24_hs dense_c10_li'
).spec


@pytest.fixture(scope='module')
def network():
  model = mnj.create_model(SPEC)
  images = np.random.default_rng(0).uniform(-1, 1, (2, 64, 64, 3))
  images = images.astype(np.float32)
  return model, init_variables(model, 0), images


def test_the_last_layer_makes_the_logits_of_the_embedding(network):
  model, variables, images = network
  embedding = mnj.features(model, variables, images, 'embedding')
  last = variables['params'][f'block_{len(SPEC.blocks) - 1:02d}']['dense']
  logits = jax.jit(model.apply)(variables, images)
  found = embedding @ last['kernel'] + last['bias']
  np.testing.assert_allclose(found, logits, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('name', ['stride2', 'stride16', 'pool', 'block_03'])
def test_shapes_are_those_of_the_spec(network, name):
  found = mnj.features(*network, name)
  index = (endpoints(SPEC) | {'block_03': 3})[name]
  io = shapes(SPEC)[index]
  square = () if name == 'pool' else (io.out_size, io.out_size)
  assert found.shape == (2, *square, io.out_channels)
  if name.startswith('stride'):
    assert io.out_size == 64 // int(name[6:])


def test_it_is_compiled_once(network):
  from mobilenet_jax.tasks import features

  mnj.features(*network, 'stride4')
  before = features._tap._cache_size()
  again = mnj.create_model(SPEC)
  mnj.features(again, *network[1:], 'stride4')
  assert features._tap._cache_size() == before


def test_an_embedding_is_a_vector_where_the_last_layer_sees_an_image():
  """As in SqueezeNet: its average makes the logits."""
  for blocks, channels in (
    ('conv_k3_s2_c8_re conv_k1_c5_li_nonorm pool', 8),
    ('conv_k1_c5_li_nonorm pool', 3),
  ):
    model = mnj.create_model(f'x@16 {blocks}')
    images = jax.random.normal(jax.random.key(0), (1, 16, 16, 3))
    variables = init_variables(model, 0)
    found = mnj.features(model, variables, images, 'embedding')
    assert found.shape == (1, channels)
    last = variables['params'][f'block_{len(model.spec.blocks) - 2:02d}']
    logits = found @ last['conv']['kernel'][0, 0] + last['conv']['bias']
    expected = model.apply(variables, images)
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)
    pooled = mnj.features(model, variables, images, 'pool')
    np.testing.assert_allclose(pooled, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
  ('images', 'endpoint', 'says'),
  [
    (np.zeros((1, 64, 64, 3)), 'stride15', "Did you mean 'stride16'"),
    (np.zeros((1, 64, 64, 3)), 'embeding', "Did you mean 'embedding'"),
    (np.zeros((1, 64, 64, 3)), 'block_5', "Did you mean 'block_"),
    (np.zeros((1, 64, 64, 3)), 'top', 'embedding, pool, stride16'),
    ('cat.jpg', 'pool', r'takes images \[N, H, W, 3\]'),
    (np.zeros((64, 64, 3)), 'pool', r'\[N, H, W, 3\], not \[64, 64, 3\]'),
    (np.zeros((1, 64, 64, 3), np.uint8), 'pool', 'go through preprocess'),
  ],
)
def test_what_cannot_be_tapped(network, images, endpoint, says):
  with pytest.raises(mnj.UserError, match=says):
    mnj.features(*network[:2], images, endpoint)
