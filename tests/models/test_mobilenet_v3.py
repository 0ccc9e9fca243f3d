"""MobileNetV3 is exact: golden counts, and what Flax and tracing see."""

import jax
import jax.numpy as jnp
import pytest
from hypothesis import given, settings

from mobilenet_jax import arch
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.models import get_arch, list_models
from mobilenet_jax.models.builder import build
from tests.arch.strategies import specs

# name, width, resolution, params, multiply-adds; by the slim rules, agreed on
# by Keras, torchvision and timm where they build the same network. Sources:
# arXiv 1905.02244 v5 Table 9; tensorflow/models research/slim.
GOLDEN = [
  ('mobilenet_v3_large', 1.0, 256, 5483032, 281663360),
  ('mobilenet_v3_large', 1.0, 224, 5483032, 216589760),
  ('mobilenet_v3_large', 1.0, 192, 5483032, 160192640),
  ('mobilenet_v3_large', 1.0, 160, 5483032, 112472000),
  ('mobilenet_v3_large', 1.0, 128, 5483032, 73427840),
  ('mobilenet_v3_large', 1.0, 96, 5483032, 43060160),
  ('mobilenet_v3_large', 1.25, 224, 7551976, None),
  ('mobilenet_v3_large', 0.75, 224, 3993528, 154560624),
  ('mobilenet_v3_large', 0.5, 224, 2689520, 69247600),
  ('mobilenet_v3_large', 0.35, 224, 2131832, 39472336),
  ('mobilenet_v3_small', 1.0, 256, 2542856, 73175040),
  ('mobilenet_v3_small', 1.0, 224, 2542856, 56510400),
  ('mobilenet_v3_small', 1.0, 192, 2542856, 42067712),
  ('mobilenet_v3_small', 1.0, 160, 2542856, 29846976),
  ('mobilenet_v3_small', 1.0, 128, 2542856, 19848192),
  ('mobilenet_v3_small', 1.0, 96, 2542856, 12071360),
  ('mobilenet_v3_small', 0.75, 224, 2041872, 43399344),
  ('mobilenet_v3_small', 0.5, 224, 1592704, 21052560),
  ('mobilenet_v3_small', 0.35, 224, 1358288, 12815840),
]


@pytest.mark.parametrize('row', GOLDEN, ids=str)
def test_golden_counts(row):
  name, width, resolution, params, macs = row
  counts = arch.count(get_arch(name, width, resolution))
  assert counts.params == params
  assert macs is None or counts.macs == macs


def test_every_model_has_a_golden_row():
  assert set(list_models()) == {row[0] for row in GOLDEN}


def traced(spec):
  network = build(spec)
  shape = (2, spec.resolution, spec.resolution, spec.in_channels)
  variables = jax.eval_shape(
    lambda: network.init(jax.random.key(0), jnp.zeros(shape))
  )
  _, seen = jax.eval_shape(
    lambda v: network.apply(
      v, jnp.zeros(shape), capture_intermediates=True, mutable=['intermediates']
    ),
    variables,
  )
  return variables, seen['intermediates']


def assert_traced_as_counted(spec):
  variables, outputs = traced(spec)
  leaves = jax.tree.leaves(variables['params'])
  assert sum(leaf.size for leaf in leaves) == arch.count(spec).params
  for i, io in enumerate(arch.shapes(spec)):
    shape = outputs[arch.block_name(i)]['__call__'][0].shape
    square = (io.out_size, io.out_size) if len(shape) == 4 else ()
    assert shape == (2, *square, io.out_channels)


@pytest.mark.parametrize('name', list_models())
@pytest.mark.parametrize(('width', 'side'), [(1.0, 224), (0.35, 65)])
def test_counts_and_shapes_are_those_that_flax_traces(name, width, side):
  assert_traced_as_counted(get_arch(name, width, side, 10))


@settings(max_examples=25, deadline=None)
@given(specs(most_blocks=4))
def test_counts_and_shapes_of_random_specs(spec):
  assert_traced_as_counted(spec)


def test_turning_squeeze_excite_on_renames_no_weights():
  spec = get_arch('mobilenet_v3_small', resolution=32, num_classes=10)
  without = spec.replace(
    blocks=tuple(
      arch.InvertedResidual(**{**vars(b), 'squeeze_excite': 0.0})
      if isinstance(b, arch.InvertedResidual)
      else b
      for b in spec.blocks
    )
  )

  def paths(s):
    leaves = jax.tree_util.tree_leaves_with_path(traced(s)[0]['params'])
    return {jax.tree_util.keystr(path): leaf.shape for path, leaf in leaves}

  assert paths(without).items() <= paths(spec).items()


@pytest.mark.parametrize(
  ('call', 'says'),
  [
    (lambda: get_arch('mobilnet_v3_smal'), "Did you mean 'mobilenet_v3_small'"),
    (lambda: get_arch('mobilenet_v3_small', 0), 'Width 0'),
    (lambda: get_arch('mobilenet_v3_small', 1.0, 0), 'resolution 0'),
    (lambda: get_arch('mobilenet_v3_small', 1.0, 32, 0), 'channels 0'),
  ],
)
def test_bad_names_and_numbers(call, says):
  with pytest.raises(UserError, match=says):
    call()


def test_bfloat16_and_dropout_run():
  spec = get_arch('mobilenet_v3_small', 0.5, 32, 10)
  network = build(spec, dtype=jnp.bfloat16, dropout=0.5)
  x = jax.random.normal(jax.random.key(2), (2, 32, 32, 3))
  variables = network.init(jax.random.key(0), x)

  def logits(seed):
    out, _ = network.apply(
      variables,
      x,
      train=True,
      mutable=['batch_stats'],
      rngs={'dropout': jax.random.key(seed)},
    )
    return out

  assert logits(0).dtype == jnp.float32
  assert bool(jnp.all(jnp.isfinite(logits(0))))
  assert bool(jnp.any(logits(0) != logits(1)))
