"""Loss, accuracy and the step of classification."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mobilenet_jax.models import get_arch
from mobilenet_jax.models.builder import build
from mobilenet_jax.tasks import classification
from mobilenet_jax.train.optimizers import optimizer
from mobilenet_jax.train.state import create_state
from tests.train.toy import settings


def test_cross_entropy_smooths_labels():
  logits = jnp.asarray([[2.0, 0.0, 0.0]])
  logs = np.log(np.exp([2.0, 0.0, 0.0]) / np.exp([2.0, 0.0, 0.0]).sum())
  expected = -(0.9 + 0.1 / 3) * logs[0] - 2 * 0.1 / 3 * logs[1]
  value = classification.cross_entropy(logits, jnp.asarray([0]), 0.1)
  assert float(value) == pytest.approx(expected, rel=1e-5)


def test_labels_may_be_shares_of_classes():
  logits = jnp.asarray([[2.0, 0.0, -1.0], [0.5, 1.0, 0.0]])
  hard = jnp.asarray([0, 2])
  soft = jax.nn.one_hot(hard, 3)
  for smoothing in (0.0, 0.1):
    a, b = (
      classification.cross_entropy(logits, labels, smoothing)
      for labels in (hard, soft)
    )
    assert float(a) == float(b)
  logs = np.asarray(jax.nn.log_softmax(logits))
  mixed = np.asarray([[0.7, 0.3, 0.0], [0.0, 0.4, 0.6]])
  value = classification.cross_entropy(logits, jnp.asarray(mixed), 0.0)
  assert float(value) == pytest.approx(-(mixed * logs).sum(1).mean(), rel=1e-6)
  assert float(classification.accuracy(logits, jnp.asarray(mixed))) == 0.5


def test_evaluate_leaves_padding_out():
  logits = np.asarray([[5.0, 0.0], [0.0, 5.0], [5.0, 0.0]])
  batch = {
    'image': logits,
    'label': np.asarray([0, 0, 1]),
    'weight': np.asarray([1.0, 1.0, 0.0], np.float32),
  }
  found = classification.evaluate(lambda v, x: x, None, [batch, batch])
  assert found['accuracy'] == 0.5
  expected = np.mean([np.log1p(np.exp(-5)), np.log1p(np.exp(5))])
  assert found['loss'] == pytest.approx(expected)


@pytest.mark.parametrize('name', ['mobilenet_v3_large', 'mobilenet_v3_small'])
def test_a_step_has_a_finite_gradient_for_every_parameter(name):
  spec = get_arch(name, 0.35, 32, 4)
  network = build(spec, dropout=0.2)
  rule = optimizer(settings(warmup=0.0, weight_decay=0.0, clip_norm=0.0), 10)
  variables = classification.init_variables(network, 0)
  state = create_state(variables, rule)
  before = jax.tree.map(np.asarray, state.params)
  step = classification.train_step(network, rule, smoothing=0.1, seed=0)
  rng = np.random.default_rng(0)
  for _ in range(3):  # the rate is 0 in the first step
    batch = {
      'image': rng.normal(size=(8, 32, 32, 3)).astype(np.float32),
      'label': rng.integers(0, 4, 8),
    }
    state, metrics = step(state, batch)
  assert np.isfinite(metrics['loss'])
  after = jax.tree.map(np.asarray, state.params)
  for path, leaf in jax.tree_util.tree_leaves_with_path(after):
    assert np.all(np.isfinite(leaf)), path
  moved = jax.tree.map(lambda a, b: bool(np.any(a != b)), before, after)
  assert all(jax.tree.leaves(moved))
