"""Networks taken out of shared weights, universal bottlenecks included."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mobilenet_jax.arch import (
  ArchSpec,
  Conv,
  Dense,
  DepthwiseSeparable,
  Flatten,
  FusedInvertedResidual,
  MaxPool,
  Pool,
  UniversalBottleneck,
  one_of,
  variants,
)
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.models.builder import build, variable_shapes
from mobilenet_jax.nn.build import build_block
from mobilenet_jax.space import SearchSpace, get_space
from mobilenet_jax.supernet.blocks import SuperUniversalBottleneck
from mobilenet_jax.supernet.calibrate import calibrate
from mobilenet_jax.supernet.extract import extract
from mobilenet_jax.supernet.layers import BatchOptions
from mobilenet_jax.supernet.network import SuperNetwork
from tests.supernet.toys import WIDTH, one_hot


def network_of(*blocks):
  """A space of some blocks between a stem and a head, with an epsilon and a
  padding of its own."""
  stem = Conv(kernel=3, stride=2, channels=8, activation='relu')
  head = (
    Conv(kernel=1, channels=32, activation='relu'), Pool(), Dense(channels=10),
  )  # fmt: skip
  return SearchSpace(
    ArchSpec(
      name='bottlenecks', resolution=16, blocks=(stem, *blocks, *head),
      norm_epsilon=1e-2, padding='symmetric',
    )
  )  # fmt: skip


def bottlenecks():
  act = one_of('act', 'relu', 'hard_swish')
  return network_of(
    FusedInvertedResidual(
      kernel=3, expand_ratio=2, channels=8, activation='relu'
    ),
    UniversalBottleneck(
      start_kernel=one_of('a/start', 0, 3, 5), kernel=one_of('a/kernel', 5, 3),
      stride=2, expand_ratio=one_of('a/expand', 2, 4), channels=WIDTH,
      activation='relu',
    ),
    UniversalBottleneck(
      start_kernel=one_of('b/start', 3, 0), kernel=one_of('b/kernel', 0, 3, 5),
      expand_ratio=one_of('b/expand', 2, 3), channels=WIDTH, activation=act,
      layer_scale=True,
    ),
    MaxPool(kernel=2, stride=2),
  )  # fmt: skip


SPACES = {
  'v3_tiny': lambda: get_space('v3_tiny', 16, 10),
  'bottlenecks': bottlenecks,
}


def disturbed(params, seed=0):
  rng = np.random.default_rng(seed)
  return jax.tree.map(
    lambda p: p + 0.1 * rng.normal(size=p.shape).astype(p.dtype), params
  )


@pytest.fixture(scope='module', params=SPACES)
def case(request):
  space = SPACES[request.param]()
  network = SuperNetwork(space.spec)
  x = jax.random.normal(jax.random.key(1), (6, 16, 16, 3))
  soft = one_hot(space, [0] * len(space.tags))
  variables = jax.jit(network.init)(jax.random.key(0), x, soft)
  assert set(variables) == {'params'}
  params = disturbed(variables['params'])
  apply = jax.jit(lambda soft, x: network.apply({'params': params}, x, soft))
  return space, params, x, apply


def vectors(space):
  rng = np.random.default_rng(3)
  few = [space.sample(rng) for _ in range(3)]
  return [*few, [n - 1 for n in space.decisions.values()], [0] * len(few[0])]


def test_an_extracted_and_calibrated_network_is_that_of_the_shared_weights(
  case,
):
  space, params, x, apply = case
  for vector in vectors(space):
    network = build(space.decode(vector))
    own = extract(params, space, vector)
    stats = calibrate(network, own, [x])
    wanted = variable_shapes(network)
    found = {'params': own, 'batch_stats': stats}
    assert jax.tree.map(jnp.shape, found) == jax.tree.map(jnp.shape, wanted)
    np.testing.assert_allclose(
      network.apply(found, x),  # by its own statistics
      apply(one_hot(space, vector), x),  # by those of the batch
      rtol=2e-3,
      atol=2e-3,
    )


def test_shared_weights_take_images_of_any_size(case):
  space, params, _, apply = case
  vector = vectors(space)[0]
  x = jax.random.normal(jax.random.key(2), (6, 24, 24, 3))
  network = build(space.decode(vector))
  own = extract(params, space, vector)
  found = {'params': own, 'batch_stats': calibrate(network, own, [x])}
  np.testing.assert_allclose(
    network.apply(found, x), apply(one_hot(space, vector), x),
    rtol=2e-3, atol=2e-3,
  )  # fmt: skip


def test_calibration_is_exact_over_all_batches():
  spec = ArchSpec(
    name='one',
    resolution=8,
    blocks=(
      Conv(kernel=1, channels=4, activation='relu'),
      Pool(),
      Dense(channels=2),
    ),
  )
  network = build(spec, norm_momentum=0.9, dropout=0.5)
  rng = np.random.default_rng(0)
  images = rng.normal(3.0, 2.0, (5, 6, 8, 8, 3)).astype(np.float32)
  images += np.arange(5)[:, None, None, None, None]  # batches that differ
  params = network.init(jax.random.key(0), images[0])['params']
  stats = calibrate(network, params, iter(images))
  kernel = np.float64(params['block_00']['conv']['kernel'])[0, 0]
  inside = images.astype(np.float64) @ kernel  # before the norm
  found = stats['block_00']['norm']
  flat = inside.reshape(-1, 4)
  np.testing.assert_allclose(found['mean'], flat.mean(0), rtol=1e-5)
  np.testing.assert_allclose(found['var'], flat.var(0), rtol=1e-4)


def test_calibration_wants_a_batch(case):
  space, params, *_ = case
  vector = vectors(space)[0]
  network = build(space.decode(vector))
  with pytest.raises(ValueError, match='no batches'):
    calibrate(network, extract(params, space, vector), [])


def test_an_averaged_convolution_is_half_of_it_and_half_of_nothing():
  open_block = UniversalBottleneck(
    start_kernel=one_of('start', 0, 3), kernel=0, expand_ratio=2, channels=6,
    activation='relu', residual=False,
  )  # fmt: skip
  spec = ArchSpec(name='one', resolution=8, blocks=(open_block,), in_channels=6)
  (row,) = variants(spec)
  options = BatchOptions.of(spec, BatchOptions())
  module = SuperUniversalBottleneck(row, options)
  x = jax.random.normal(jax.random.key(0), (4, 8, 8, 6))
  half = {'start': jnp.asarray([0.5, 0.5])}
  params = module.init(jax.random.key(1), x, half, None)['params']

  def run(block, x, params):
    there = build_block(block, options)
    return there.apply({'params': params}, x, train=True)

  rest = {k: v for k, v in params.items() if k != 'start'}
  first = DepthwiseSeparable(kernel=3, channels=6, activation='linear')
  eye = jnp.eye(6)[None, None]
  norm = {'scale': jnp.ones(6), 'bias': jnp.zeros(6)}
  twice = run(
    first, x, {'depthwise': params['start'],
               'project': {'conv': {'kernel': eye}, 'norm': norm}},
  )  # fmt: skip  # normalized already, but for epsilon
  closed = UniversalBottleneck(
    start_kernel=0, kernel=0, expand_ratio=2, channels=6, activation='relu',
    residual=False,
  )  # fmt: skip
  wanted = run(closed, 0.5 * x + 0.5 * twice, rest)
  found = module.apply({'params': params}, x, half, None)
  np.testing.assert_allclose(found, wanted, atol=5e-3)
  for index, inside in ((0, x), (1, twice)):
    soft = {'start': jax.nn.one_hot(index, 2)}
    np.testing.assert_allclose(
      module.apply({'params': params}, x, soft, None),
      run(closed, inside, rest),
      atol=5e-3,
    )


def test_a_missing_convolution_gets_no_gradient():
  space = bottlenecks()
  network = SuperNetwork(space.spec)
  x = jax.random.normal(jax.random.key(1), (4, 16, 16, 3))
  choice = dict.fromkeys(space.tags, 0) | {'a/start': 1, 'a/kernel': 1}
  soft = one_hot(space, space.vector(choice))
  params = disturbed(network.init(jax.random.key(0), x, soft)['params'])

  def loss(params):
    return jnp.sum(network.apply({'params': params}, x, soft) ** 2)

  grads = jax.jit(jax.grad(loss))(params)
  start = np.array(grads['block_02']['start']['conv']['kernel'])
  assert np.all(np.any(start[1:4, 1:4], (0, 1)))  # 3 of 5
  start[1:4, 1:4] = 0
  assert not np.any(start)
  for leaf in jax.tree.leaves(grads['block_03']['depthwise']):  # kernel 0
    assert not np.any(leaf)


@pytest.mark.parametrize(
  ('block', 'says'),
  [
    (
      UniversalBottleneck(
        kernel=one_of('k', 0, 3), start_kernel=3, stride=2, expand_ratio=2,
        channels=8, activation='relu',
      ),
      'stride must be that of one convolution',
    ),
    (
      Conv(kernel=3, channels=one_of('c', 8, 16), activation='relu', groups=2),
      "block 1 .conv.: a searched channels has no",
    ),
  ],
)  # fmt: skip
def test_what_has_no_weight_sharing_form_is_named(block, says):
  space = network_of(block)
  x = jnp.zeros((2, 16, 16, 3))
  with pytest.raises(UserError, match=says):
    SuperNetwork(space.spec).init(
      jax.random.key(0), x, one_hot(space, [0] * len(space.tags))
    )


def test_a_block_that_mixes_masked_channels_is_refused():
  space = network_of(
    Conv(kernel=1, channels=WIDTH, activation='relu'),
    Flatten(size=2),
  )
  with pytest.raises(UserError, match='given a searched number of channels'):
    SuperNetwork(space.spec).init(
      jax.random.key(0), jnp.zeros((2, 16, 16, 3)), one_hot(space, [0])
    )


def test_every_strided_bottleneck_with_one_place_for_its_stride_works():
  for start, kernel in itertools.product((0, 3), (0, 3)):
    if not start and not kernel:
      continue
    wide = one_of('e', 2, 4)
    space = network_of(
      UniversalBottleneck(
        start_kernel=start, kernel=kernel, stride=2, expand_ratio=wide,
        channels=8, activation='relu',
      )
    )  # fmt: skip
    x = jax.random.normal(jax.random.key(1), (4, 16, 16, 3))
    shared, soft = SuperNetwork(space.spec), one_hot(space, [0])
    params = shared.init(jax.random.key(0), x, soft)['params']
    own, network = extract(params, space, [0]), build(space.decode([0]))
    found = {'params': own, 'batch_stats': calibrate(network, own, [x])}
    np.testing.assert_allclose(
      network.apply(found, x), shared.apply({'params': params}, x, soft),
      atol=2e-3,
    )  # fmt: skip
