"""The forms for CPU give the results and gradients of the portable ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mobilenet_jax.arch import axis
from mobilenet_jax.nn.conv import conv
from mobilenet_jax.nn.depthwise import depthwise_conv
from mobilenet_jax.nn.norm import normalize


@pytest.fixture(autouse=True)
def float64():
  with jax.enable_x64(True):
    yield


def values_and_gradients(function, x, kernel, impl):
  def scalar(x, kernel):
    y = function(x, kernel, impl)
    weights = jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape)
    return jnp.sum(weights * y), y

  grads, y = jax.jit(jax.grad(scalar, (0, 1), has_aux=True))(x, kernel)
  return (y, *grads)


def assert_same(function, x_shape, kernel_shape, dtype, tolerance):
  rng = np.random.default_rng(0)
  x = jnp.asarray(rng.normal(size=x_shape), dtype)
  kernel = jnp.asarray(rng.normal(size=kernel_shape), dtype)
  fast = values_and_gradients(function, x, kernel, 'cpu')
  plain = values_and_gradients(function, x, kernel, 'portable')
  for a, b in zip(fast, plain, strict=True):
    assert a.shape == b.shape
    assert a.dtype == b.dtype == dtype
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize('stride', [1, 2, 3])
@pytest.mark.parametrize('kernel', [1, 2, 3, 5])
@pytest.mark.parametrize('size', [(8, 8), (7, 5), (1, 2)])
def test_depthwise(size, kernel, stride):
  assert_same(
    lambda x, k, impl: depthwise_conv(x, k, stride, impl),
    (3, *size, 4),
    (kernel, kernel, 1, 4),
    jnp.float64,
    1e-11,
  )


@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('kernel', [1, 3, 5])
@pytest.mark.parametrize('size', [(8, 8), (7, 5)])
def test_dense(size, kernel, stride):
  assert_same(
    lambda x, k, impl: conv(x, k, stride, impl),
    (2, *size, 3),
    (kernel, kernel, 3, 4),
    jnp.float64,
    1e-11,
  )


@pytest.mark.parametrize('padding', ['symmetric', 0, 3])
@pytest.mark.parametrize('stride,dilation', [(1, 1), (2, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize('kernel', [3, 5])
def test_other_paddings_and_dilation(padding, stride, dilation, kernel):
  more = {'padding': padding, 'dilation': dilation}
  for function, channels in ((depthwise_conv, 1), (conv, 4)):
    assert_same(
      lambda x, k, impl, f=function: f(x, k, stride, impl, **more),
      (2, 10, 9, 4),
      (kernel, kernel, channels, 4),
      jnp.float64,
      1e-11,
    )


@pytest.mark.parametrize('kernel', [1, 3])
@pytest.mark.parametrize('groups', [2, 3])
def test_groups(groups, kernel):
  assert_same(
    lambda x, k, impl: conv(x, k, 1, impl, groups=groups),
    (2, 5, 4, 6),
    (kernel, kernel, 6 // groups, 12),
    jnp.float64,
    1e-11,
  )


def test_taps_that_see_only_padding_are_left_out():
  """MobileNetV3 at 32 px ends with 5 x 5 kernels on 2 x 2 and 1 x 1 pixels."""
  assert [axis(n, 5, 1, 'same').live()[0].taps for n in (1, 2, 3, 9)] == [
    1, 3, 5, 5,
  ]  # fmt: skip
  assert axis(2, 5, 2, 'same').live()[0].taps == 2


def test_a_kernel_that_does_not_fit_is_refused():
  with pytest.raises(ValueError, match=r'kernel of 5 .* into 3 pixels'):
    axis(3, 5, 1, 0)


@pytest.mark.parametrize('function', [depthwise_conv, conv])
def test_float32(function):
  channels = 1 if function is depthwise_conv else 8
  assert_same(
    lambda x, k, impl: function(x, k, 2, impl),
    (4, 9, 9, 8),
    (3, 3, channels, 8),
    jnp.float32,
    2e-5,
  )


def test_batch_norm_gradient_is_that_of_autodiff():
  rng = np.random.default_rng(0)
  x = jnp.asarray(rng.normal(2.0, 3.0, (4, 5, 6, 7)))
  scale, bias = jnp.asarray(rng.normal(size=(2, 7)))

  def plain(x, scale, bias):
    mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
    return (x - mean) / jnp.sqrt(var + 1e-3) * scale + bias

  def ours(x, scale, bias):
    return normalize(x, scale, bias, 1e-3)[0]

  def gradients(function):
    weigh = lambda *a: jnp.sum(jnp.sin(3 * function(*a)))
    return jax.grad(weigh, (0, 1, 2))(x, scale, bias)

  # the forward pass is float32 by design, whatever comes in
  np.testing.assert_allclose(
    ours(x, scale, bias), plain(x, scale, bias), atol=2e-5
  )
  for a, b in zip(gradients(ours), gradients(plain), strict=True):
    np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-4)


def test_batch_norm_statistics_are_those_of_the_batch():
  x = jnp.asarray(np.random.default_rng(0).normal(1.0, 2.0, (3, 4, 4, 5)))
  _, mean, var = normalize(x, jnp.ones(5), jnp.zeros(5), 1e-3)
  np.testing.assert_allclose(mean, x.mean((0, 1, 2)), atol=1e-5)
  np.testing.assert_allclose(var, x.var((0, 1, 2)), rtol=1e-5)
