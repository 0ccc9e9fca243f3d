"""What Flax builds of random specs, and of options."""

import jax
import jax.numpy as jnp
from hypothesis import given, settings

from mobilenet_jax import arch
from mobilenet_jax.models import get_arch
from mobilenet_jax.models.builder import build
from tests.arch.strategies import specs
from tests.models.tracing import assert_traced_as_counted, traced


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
