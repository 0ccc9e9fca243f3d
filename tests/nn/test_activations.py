"""Activations that are written out by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mobilenet_jax.nn.activations import gelu


@pytest.mark.parametrize(
  ('dtype', 'tolerance'), [(jnp.float32, 1e-6), (jnp.bfloat16, 0.02)]
)
def test_gelu_and_its_gradient_are_those_of_jax(dtype, tolerance):
  x = jnp.linspace(-12, 12, 4801).astype(dtype)
  exact = lambda x: jax.nn.gelu(x, approximate=False)
  for ours, theirs in (
    (gelu(x), exact(x)),
    (jax.vmap(jax.grad(gelu))(x), jax.vmap(jax.grad(exact))(x)),
  ):
    assert ours.dtype == dtype
    np.testing.assert_allclose(
      np.asarray(ours, float), np.asarray(theirs, float), atol=2 * tolerance
    )
