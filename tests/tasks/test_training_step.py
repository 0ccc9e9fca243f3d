"""The step as configs set it: parts, remat, depth, averages; and its end."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mobilenet_jax import arch
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.models import get_arch
from mobilenet_jax.models.builder import build, drop_path_rates
from mobilenet_jax.nn.mobile import drop_path
from mobilenet_jax.tasks import classification
from mobilenet_jax.tasks.diagnosis import explain
from mobilenet_jax.train.optimizers import optimizer
from mobilenet_jax.train.state import create_state
from tests.train.toy import same, settings

RULE = optimizer(settings(schedule='constant', clip_norm=0, warmup=0.0), 10)
CONV = {'channels': 8, 'kernel': 3, 'activation': 'relu', 'norm': False}
PLAIN = arch.ArchSpec(
  name='plain',
  resolution=16,
  blocks=(
    arch.Conv(**CONV, stride=2),
    arch.Conv(**CONV),
    arch.Pool(),
    arch.Dense(channels=4),
  ),
)  # no batch norm
SMALL = arch.from_string(
  'small@16 conv_k3_s2_c8_re ir_k3_e2_c8_re ir_k3_s2_e2_c8_hs '
  'ir_k3_e2_c8_se0.25_hs pool dense_c4_li'
)


def batch_of(spec, n=8, seed=0):
  rng = np.random.default_rng(seed)
  px = spec.resolution
  return {
    'image': rng.normal(size=(n, px, px, 3)).astype(np.float32),
    'label': rng.integers(0, 4, n),
  }


def state_of(network, *, ema=False):
  variables = classification.init_variables(network, 0)
  return create_state({'batch_stats': {}, **variables}, RULE, ema=ema)


@functools.cache
def step_of(spec, accumulate=1, ema=0.0, **options):
  return classification.train_step(
    build(spec, **options), RULE, smoothing=0.1, seed=0,
    accumulate=accumulate, ema=ema,
  )  # fmt: skip


def trained(spec, steps=3, *, ema=0.0, **options):
  """(state, metrics) after some steps of 8 images."""
  step = step_of(spec, ema=ema, **options)
  state, metrics = state_of(build(spec), ema=bool(ema)), None
  for i in range(steps):
    state, metrics = step(state, batch_of(spec, seed=i))
  return state, metrics


def close(a, b, **tolerance):
  for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
    np.testing.assert_allclose(x, y, **tolerance)


def test_parts_of_a_batch_train_as_the_whole_of_it():
  whole, metrics = trained(PLAIN)
  parts, found = trained(PLAIN, accumulate=4)
  close(parts.params, whole.params, rtol=1e-4, atol=1e-6)
  close(found, metrics, rtol=1e-4)


def test_remat_changes_no_gradient_and_no_name():
  plain, _ = trained(SMALL, drop_path=0.3, dropout=0.2)
  remat, _ = trained(SMALL, drop_path=0.3, dropout=0.2, remat=True)
  assert jax.tree.structure(plain) == jax.tree.structure(remat)
  close(remat.params, plain.params, rtol=1e-4, atol=1e-5)
  network = build(SMALL, remat=True)
  keys = classification.step_keys(0, 0)

  def loss(params):
    return classification.loss_fn(
      network, params, plain.model_state, batch_of(SMALL), smoothing=0.0,
      keys=keys,
    )[0]  # fmt: skip

  assert 'remat' in str(jax.make_jaxpr(jax.grad(loss))(plain.params))


def test_bfloat16_computes_so_and_keeps_its_weights_in_float32():
  half, metrics = trained(PLAIN, dtype=jnp.bfloat16)
  _, expected = trained(PLAIN)
  assert {x.dtype for x in jax.tree.leaves(half.params)} == {
    np.dtype('float32')
  }
  assert float(metrics['loss']) == pytest.approx(
    float(expected['loss']), rel=0.05
  )
  assert float(metrics['loss']) != float(expected['loss'])
  assert bool(half.finite)


def test_averages_are_what_is_evaluated():
  state, _ = trained(SMALL, ema=0.5)
  plain, _ = trained(SMALL)
  same(state.params, plain.params)
  same(state.model_state, plain.model_state)
  states = [trained(SMALL, i)[0] for i in range(4)]
  average = states[0].variables
  for i, later in enumerate(states[1:], 1):
    d = min(0.5, (1 + i) / (10 + i))
    average = jax.tree.map(
      lambda a, x, d=d: d * a + (1 - d) * x, average, later.variables
    )
  assert set(state.variables) == {'params', 'batch_stats'}
  close(state.variables, average, rtol=1e-4, atol=1e-6)


def test_depth_without_a_rate_changes_nothing_bit_for_bit():
  images = batch_of(SMALL)['image']
  network, never = build(SMALL), build(SMALL, drop_path=0.0)
  variables = network.init(jax.random.key(0), images)

  def run(network, train, keys):
    return network.apply(
      variables, images, train=train, mutable=['batch_stats'], rngs=keys
    )

  keys = classification.step_keys(0, 0)
  same(run(network, True, {}), run(never, True, keys))
  dropping = build(SMALL, drop_path=0.5)
  same(run(network, False, {}), run(dropping, False, {}))
  a, b = (run(dropping, True, classification.step_keys(0, i)) for i in (0, 1))
  assert np.any(a[0] != b[0])


class Key:
  """A module, as far as `drop_path` asks one."""

  def make_rng(self, name):
    assert name == 'drop_path'
    return jax.random.key(3)


def test_depth_drops_images_and_keeps_the_mean():
  n, rate = 20_000, 0.3
  x = jnp.broadcast_to(jnp.asarray([1.0, -2.0]), (n, 1, 1, 2))
  out = np.asarray(drop_path(Key(), x, rate, train=True)).reshape(n, 2)
  kinds = np.unique(out.round(5), axis=0)  # whole images, or none of them
  np.testing.assert_allclose(kinds, [[0, 0], [1 / 0.7, -2 / 0.7]], rtol=1e-4)
  # five standard errors of a share of 0.3 among 20,000
  margin = 5 * np.sqrt(rate * (1 - rate) / n)
  assert np.mean(out[:, 0] == 0) == pytest.approx(rate, abs=margin)
  assert out.mean(0) == pytest.approx([1, -2], abs=2 * margin / 0.7)


def test_depth_grows_from_block_to_block():
  """Blocks 1 and 3 have a shortcut."""
  rates = drop_path_rates(SMALL, 0.3)
  np.testing.assert_allclose(rates, [0, 0.15, 0, 0.3, 0, 0])
  spec = get_arch('mobilenet_v4_conv_small')
  assert max(drop_path_rates(spec, 0.075)) == pytest.approx(0.075)
  assert drop_path_rates(PLAIN, 0.3) == [0, 0, 0, 0]
  with pytest.raises(UserError, match=r'drop_path is 1\.0'):
    build(SMALL, drop_path=1.0)
  with pytest.raises(UserError, match=r'plain has no block with a shortcut'):
    build(PLAIN, drop_path=0.1)


def run_bad(spec, spoil, *, accumulate=1, **options):
  """Takes a good step and a spoiled one; returns the explanation."""
  step = step_of(spec, accumulate=accumulate, **options)
  network = build(spec, **options)
  state, _ = step(state_of(network), batch_of(spec))
  state = spoil(state)
  before = jax.tree.map(np.array, state)
  bad = batch_of(spec, seed=7)
  state, metrics = step(state, bad)
  assert not np.isfinite(metrics['grad_norm'])
  state, _ = step(state, batch_of(spec))  # was on its way already
  same((state.params, state.step), (before.params, before.step))
  return explain(
    network, state, bad, smoothing=0.1, seed=0, accumulate=accumulate
  )


def scaled(scope, name, factor):
  """Returns what multiplies one parameter of a state."""

  def spoil(state):
    params = jax.tree.map(lambda x: x, state.params)
    place = params
    for part in scope:
      place = place[part]
    place[name] = place[name] * factor
    return state.replace(params=params)

  return spoil


@pytest.mark.parametrize('options', [{}, {'remat': True}, {'accumulate': 2}])
def test_the_first_layer_that_goes_bad_is_named(options):
  told = run_bad(
    SMALL, scaled(('block_02', 'project', 'norm'), 'scale', 3e38), **options
  )
  assert told == ('The first layer that went bad is block_02/project/norm.')


def test_weights_that_are_bad_before_are_named():
  told = run_bad(
    SMALL, scaled(('block_03', 'expand', 'conv'), 'kernel', jnp.nan)
  )
  assert told == 'Before it, block_03/expand/conv/kernel is not finite.'


@pytest.mark.parametrize(
  ('factor', 'says'),
  [
    (1e27, 'block_00/conv/kernel, in its gradient'),
    (1e18, r'block_00/conv/bias, whose gradient is up to \d.*e\+[23]\d'),
  ],
)
def test_a_gradient_that_goes_bad_is_named(factor, says):
  """A kernel undoes, forth, what another does; back, nothing does."""

  def spoil(state):
    for scope, by in (
      (('block_00', 'conv'), 1 / factor),
      (('block_01', 'conv'), factor),
      (('block_03', 'dense'), 1e15),
    ):
      state = scaled(scope, 'kernel', by)(state)
    return state

  told = run_bad(PLAIN, spoil)
  assert re.fullmatch(f'The first layer that went bad is {says}.', told)


def test_images_that_are_bad_are_named():
  network = build(SMALL)
  batch = batch_of(SMALL)
  batch['image'][3, 2, 1, 0] = np.inf
  told = explain(network, state_of(network), batch, smoothing=0.1, seed=0)
  assert told == 'The images of its batch are not finite.'
