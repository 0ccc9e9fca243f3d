"""The compiled kernels against the portable forms in float64."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mobilenet_jax.nn import native
from mobilenet_jax.nn.activations import ACTIVATIONS
from mobilenet_jax.nn.affine import Affine
from mobilenet_jax.nn.conv import conv
from mobilenet_jax.nn.depthwise import depthwise_conv
from mobilenet_jax.nn.native import build
from mobilenet_jax.nn.norm import normalize_and_activate

pytestmark = pytest.mark.skipif(
  not native.available(), reason='no C++ compiler here'
)
TOLERANCE = 2e-5


def random(*shape, seed=0, mean=0.0):
  values = np.random.default_rng(seed).normal(mean, 1.0, shape)
  return jnp.asarray(values, jnp.float32)


def gradients(function, dy, *inputs):
  y, vjp = jax.vjp(function, *inputs)
  return (y, *vjp(dy.astype(y.dtype)))


def assert_near(found, wanted):
  for a, b in zip(found, wanted, strict=True):
    assert a.dtype == jnp.float32
    scale = float(np.abs(b).max()) or 1.0
    np.testing.assert_allclose(a / scale, b / scale, atol=TOLERANCE)


def assert_same(function, *shapes):
  """`function` of impl and arrays, and its gradients, in both forms."""
  inputs = [random(*shape, seed=i) for i, shape in enumerate(shapes)]
  of = {
    impl: functools.partial(function, impl) for impl in ('native', 'portable')
  }
  dy = random(*jax.eval_shape(of['portable'], *inputs).shape, seed=9)
  found = jax.jit(functools.partial(gradients, of['native']))(dy, *inputs)
  alone = jax.jit(of['native'])(*inputs)  # fused, where that differs
  with jax.enable_x64(True):
    wide = [jnp.asarray(a, jnp.float64) for a in (dy, *inputs)]
    wanted = gradients(of['portable'], *wide)
  assert_near((*found, alone), (*wanted, wanted[0]))


def assert_convolves(size, kernel, stride, channels=20, **more):
  def convolve(impl, x, weights):
    return depthwise_conv(x, weights, stride, impl, **more)

  assert_same(convolve, (3, *size, channels), (kernel, kernel, 1, channels))


@pytest.mark.parametrize('stride', [1, 2, 3])
@pytest.mark.parametrize('kernel', [1, 2, 3, 5, 7])
@pytest.mark.parametrize('size', [(8, 8), (17, 5), (1, 2)])
def test_depthwise(size, kernel, stride):
  assert_convolves(size, kernel, stride)


@pytest.mark.parametrize('stride', [1, 2, 3])
@pytest.mark.parametrize('kernel', [1, 2, 3, 5])
@pytest.mark.parametrize('size', [(8, 8), (17, 5), (1, 2)])
def test_dense(size, kernel, stride):
  def convolve(impl, x, weights):
    return conv(x, weights, stride, impl)

  assert_same(convolve, (3, *size, 7), (kernel, kernel, 7, 10))


@pytest.mark.parametrize('padding', ['symmetric', 0, 3])
@pytest.mark.parametrize('stride,dilation', [(1, 1), (2, 1), (1, 2), (2, 2)])
def test_dense_of_other_paddings_and_dilation(padding, stride, dilation):
  def convolve(impl, x, weights):
    return conv(x, weights, stride, impl, padding=padding, dilation=dilation)

  assert_same(convolve, (2, 10, 9, 5), (3, 3, 5, 6))


@pytest.mark.parametrize('inner', [1, 40])
@pytest.mark.parametrize('columns', [1, 8, 16, 17, 72, 130, 200, 257])
def test_dense_of_any_width(columns, inner):
  def convolve(impl, x, weights):
    return conv(x, weights, 1, impl)

  # rows for more than one step of the kernel's gradient, and one to spare
  assert_same(convolve, (1, 1, 967, inner), (1, 1, inner, columns))


@pytest.mark.parametrize('activation', ACTIVATIONS)
@pytest.mark.parametrize('gain', [True, False])
def test_what_follows_is_done_in_the_same_pass(activation, gain):
  def evaluate(form, impl, x, weights, scale, shift):
    then = Affine(scale if gain else None, shift, activation)
    return form(x, weights, 2, impl, then=then)

  for form, inner in ((conv, 5), (depthwise_conv, 1)):
    outer = 21 if inner > 1 else 5
    assert_same(
      functools.partial(evaluate, form),
      (2, 9, 7, 5), (3, 3, inner, outer), (outer,), (outer,),
    )  # fmt: skip


@pytest.mark.parametrize('padding', ['symmetric', 0, 3])
@pytest.mark.parametrize('stride,dilation', [(1, 1), (2, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize('kernel', [3, 5])
def test_other_paddings_and_dilation(padding, stride, dilation, kernel):
  assert_convolves((10, 9), kernel, stride, padding=padding, dilation=dilation)


@pytest.mark.parametrize('channels', [1, 3, 8, 13, 16, 31, 32, 77])
def test_any_number_of_channels(channels):
  assert_convolves((9, 6), 3, 2, channels)


@pytest.mark.parametrize(
  'form,kernel', [(conv, 1), (conv, 3), ('depthwise', 3)]
)
@pytest.mark.parametrize(
  'live', [(40, 50), (13, 50), (40, 33), (1, 1), (17, 9)]
)
def test_dead_channels_are_as_if_masked(form, kernel, live):
  deep = form == 'depthwise'
  channels, columns = (40, 40) if deep else (40, 50)
  first, last = live[0], live[0] if deep else live[1]

  def masked(impl, x, weights):
    x = x * (jnp.arange(channels) < first)
    more = {'live': jnp.asarray(live, jnp.int32)} if impl == 'native' else {}
    make = depthwise_conv if deep else conv
    y = make(x, weights, 1, impl, **more)
    return y * (jnp.arange(columns) < last)

  inner = 1 if deep else channels
  assert_same(masked, (3, 9, 11, channels), (kernel, kernel, inner, columns))
  alone = (depthwise_conv if deep else conv)(
    random(1, 4, 5, channels) * (jnp.arange(channels) < first),
    random(kernel, kernel, inner, columns),
    impl='native',
    live=jnp.asarray(live, jnp.int32),
  )
  assert not np.any(alone[..., last:])  # zeros, not what lay in memory


@pytest.mark.parametrize('activation', native.ACTIVATIONS)
@pytest.mark.parametrize('live', [1, 17, 40])
def test_norm_with_a_mask(activation, live):
  def masked(impl, x, scale, bias, mask):
    mask = mask * (jnp.arange(40) < live)
    counts = jnp.full(2, live, jnp.int32)
    return normalize_and_activate(
      x, scale, bias, 1e-3, activation, impl, mask, counts
    )[0]

  assert_same(masked, (4, 6, 7, 40), (40,), (40,), (40,))


@pytest.mark.parametrize('activation', native.ACTIVATIONS)
@pytest.mark.parametrize(
  'shape', [(4, 5, 6, 7), (2, 40), (16, 9, 9, 24), (1, 1, 1, 3)]
)
def test_norm_and_activation(shape, activation):
  x = random(*shape, mean=100.0)  # far from 0: nothing may cancel
  scale, bias = random(shape[-1], seed=1), 3 * random(shape[-1], seed=2)
  dy = random(*shape, seed=3)

  def ours(x, scale, bias):
    return normalize_and_activate(x, scale, bias, 1e-3, activation, 'native')[0]

  def plain(x, scale, bias):
    axes = tuple(range(x.ndim - 1))
    normal = (x - x.mean(axes)) / jnp.sqrt(x.var(axes) + 1e-3)
    return ACTIVATIONS[activation](normal * scale + bias)

  found = jax.jit(functools.partial(gradients, ours))(dy, x, scale, bias)
  with jax.enable_x64(True):
    wide = [jnp.asarray(a, jnp.float64) for a in (dy, x, scale, bias)]
    wanted = gradients(plain, *wide)
  for a, b in zip(found, wanted, strict=True):
    scale_of = max(float(np.abs(b).max()), 1.0)
    # inputs around 100 are only known to 4e-6 of their spread
    np.testing.assert_allclose(a / scale_of, b / scale_of, atol=2e-4)


def test_statistics_are_those_of_the_batch():
  x = random(3, 4, 4, 50, mean=1.0)
  _, mean, var = normalize_and_activate(
    x, jnp.ones(50), jnp.zeros(50), 1e-3, 'relu', 'native'
  )
  np.testing.assert_allclose(mean, x.mean((0, 1, 2)), atol=1e-6)
  np.testing.assert_allclose(var, x.var((0, 1, 2)), rtol=1e-5)


def test_one_tap_that_moves():
  """Shapes alone do not tell it from one that stays."""

  def convolve(impl, x, weights):
    return conv(x, weights, 2, impl, padding=1)

  assert_same(convolve, (2, 3, 2, 5), (1, 1, 5, 6))


@pytest.mark.parametrize('activation', native.ACTIVATIONS)
def test_what_is_no_number_stays_none(activation):
  then = Affine(None, jnp.full(20, jnp.nan), activation)
  x, weights = random(1, 4, 4, 20), random(1, 1, 20, 20)
  for form, inner in ((conv, 20), (depthwise_conv, 1)):
    y = form(x, weights[:, :, :inner], 1, 'native', then=then)
    assert np.isnan(y).all()


def test_float64_constants_are_no_obstacle():
  with jax.enable_x64(True):
    x, weights = random(1, 9, 9, 20), random(1, 1, 20, 20)
    wide = jnp.ones(20, jnp.float64)
    y = conv(x, weights, 1, 'native', then=Affine(wide, wide, 'relu'))
    made = normalize_and_activate(x, wide, wide, 1e-3, 'relu', 'native')
  assert y.dtype == made[0].dtype == jnp.float32


def test_no_images_are_left_to_xla():
  assert not native.chosen('auto', jnp.zeros((0, 4, 4, 3)))


def test_the_same_result_every_time():
  """Threads take what comes; what they sum does not depend on it."""
  x, dy = random(16, 15, 15, 40), random(16, 15, 15, 40, seed=2)
  for form, inner in ((depthwise_conv, 1), (conv, 40)):
    weights = random(5, 5, inner, 40, seed=1)
    convolve = functools.partial(form, impl='native')
    step = jax.jit(functools.partial(gradients, convolve))
    first = step(dy, x, weights)
    for _ in range(20):
      for a, b in zip(step(dy, x, weights), first, strict=True):
        np.testing.assert_array_equal(a, b)


def test_many_at_once():
  x, weights = random(4, 2, 6, 6, 8), random(4, 3, 3, 1, 8, seed=1)
  convolve = functools.partial(depthwise_conv, impl='native')
  found = jax.vmap(convolve)(x, weights)
  wanted = jnp.stack([convolve(a, b) for a, b in zip(x, weights, strict=True)])
  np.testing.assert_array_equal(found, wanted)


def test_where_it_is_chosen(monkeypatch):
  x = random(1, 2, 2, 4)
  assert native.chosen('native', x) and not native.chosen('cpu', x)
  assert not native.chosen('portable', x)
  assert native.chosen('auto', x)
  assert not native.chosen('auto', x.astype(jnp.bfloat16))
  monkeypatch.setattr(jax, 'device_count', lambda: 8)
  assert not native.chosen('auto', x)


def test_without_a_compiler_it_goes_without(monkeypatch, tmp_path, capsys):
  monkeypatch.setenv('MOBILENET_JAX_CACHE', str(tmp_path))
  monkeypatch.setattr(build.shutil, 'which', lambda name: None)
  assert build._library() is None
  monkeypatch.setattr(build.shutil, 'which', lambda name: '/bin/false')
  assert build._library() is None
  assert 'do not compile' in capsys.readouterr().err
  assert not list((tmp_path / 'native').iterdir())  # nothing half-written
  (tmp_path / 'file').touch()  # a cache folder that cannot be made
  monkeypatch.setenv('MOBILENET_JAX_CACHE', str(tmp_path / 'file'))
  assert build._library() is None
  assert 'do not compile' in capsys.readouterr().err
  monkeypatch.setenv('MOBILENET_JAX_NATIVE', '0')
  build.available.cache_clear()
  assert not native.available()
  build.available.cache_clear()
