"""What a student learns: formulas against plain numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mobilenet_jax.train.distilling import (
  create_projection,
  feature_loss,
  project,
  shrink,
  soft_label_loss,
)


def probabilities(logits, temperature):
  scaled = np.asarray(logits, np.float64) / temperature
  raised = np.exp(scaled - scaled.max(-1, keepdims=True))
  return raised / raised.sum(-1, keepdims=True)


@pytest.fixture
def two():
  rng = np.random.default_rng(0)
  ours, theirs = rng.normal(size=(2, 6, 5)).astype(np.float32) * 3
  return jnp.asarray(ours), jnp.asarray(theirs)


@pytest.mark.parametrize('temperature', [1.0, 2.0, 4.0, 20.0])
def test_soft_labels_are_those_of_hinton(two, temperature):
  ours, theirs = two
  q, p = (probabilities(x, temperature) for x in (ours, theirs))
  value, gradient = jax.value_and_grad(soft_label_loss)(
    ours, theirs, temperature
  )
  divergence = (p * (np.log(p) - np.log(q))).sum(-1).mean()
  assert float(value) == pytest.approx(temperature**2 * divergence, rel=1e-4)
  # arXiv 1503.02531, (2): d cross entropy / d z = (q - p) / T, times T^2
  np.testing.assert_allclose(
    gradient, temperature * (q - p) / len(ours), rtol=1e-3, atol=1e-6
  )
  cross = jax.grad(
    lambda x: (
      temperature**2
      * optax.softmax_cross_entropy(
        x / temperature, jax.nn.softmax(theirs / temperature)
      ).mean()
    )
  )(ours)
  np.testing.assert_allclose(gradient, cross, rtol=1e-3, atol=1e-6)


def test_the_squared_temperature_keeps_the_size_of_the_gradient(two):
  """In the limit it is (z - v) / N of centred logits: (4) of the paper."""
  ours, theirs = (x - x.mean(-1, keepdims=True) for x in two)
  gradient = jax.grad(soft_label_loss)(ours, theirs, 300.0)
  expected = (ours - theirs) / (ours.shape[1] * len(ours))
  np.testing.assert_allclose(gradient, expected, atol=2e-3)


def test_equal_logits_have_nothing_to_learn(two):
  value, gradient = jax.value_and_grad(soft_label_loss)(two[0], two[0], 4.0)
  assert float(value) == pytest.approx(0.0, abs=1e-6)
  np.testing.assert_allclose(gradient, 0.0, atol=1e-6)


def test_no_gradient_reaches_a_teacher(two):
  for loss in (soft_label_loss, feature_loss):
    gradient = jax.grad(loss, argnums=1)(*two)
    np.testing.assert_array_equal(gradient, 0.0)


def test_larger_features_are_averaged_down():
  rng = np.random.default_rng(1)
  small = rng.normal(size=(2, 2, 2, 3)).astype(np.float32)
  large = rng.normal(size=(2, 6, 6, 3)).astype(np.float32)
  means = large.reshape(2, 2, 3, 2, 3, 3).mean((2, 4))
  expected = np.square(small - means).mean()
  for pair in ((small, large), (large, small)):
    value = feature_loss(*map(jnp.asarray, pair))
    assert float(value) == pytest.approx(expected, rel=1e-5)
  vector = rng.normal(size=(2, 3)).astype(np.float32)
  value = feature_loss(jnp.asarray(vector), jnp.asarray(large))
  expected = np.square(vector - large.mean((1, 2))).mean()
  assert float(value) == pytest.approx(expected, rel=1e-5)


def test_sides_that_do_not_divide_keep_what_is_flat_and_what_is_sloped():
  flat = jnp.full((1, 7, 7, 2), 3.0)
  np.testing.assert_allclose(shrink(flat, (4, 4)), 3.0, rtol=1e-6)
  slope = jnp.broadcast_to(jnp.arange(7.0)[:, None, None], (1, 7, 7, 1))
  got = np.asarray(shrink(slope, (4, 4)))[0, :, 0, 0]
  assert got[0] + got[3] == pytest.approx(6.0, rel=1e-5)
  assert np.all(np.diff(got) > 1)


def test_a_projection_is_a_convolution_of_1x1():
  projection = create_projection(jax.random.key(0), 4, 6)
  projection['bias'] += 1.0
  x = jax.random.normal(jax.random.key(1), (2, 3, 3, 4))
  expected = jax.lax.conv_general_dilated(
    x, projection['kernel'][None, None], (1, 1), 'SAME',
    dimension_numbers=('NHWC', 'HWIO', 'NHWC'),
  ) + 1.0  # fmt: skip
  np.testing.assert_allclose(project(x, projection), expected, rtol=1e-5)
