"""What is frozen, what learns slower, and what a class weighs."""

import jax
import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from mobilenet_jax import arch
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.models import get_arch
from mobilenet_jax.models.builder import build
from mobilenet_jax.tasks import classification
from mobilenet_jax.tasks.finetuning import (
  balanced_weights,
  block_rates,
  frozen_blocks,
)
from mobilenet_jax.train.by_block import by_block
from mobilenet_jax.train.optimizers import optimizer
from mobilenet_jax.train.state import create_state
from tests.train.toy import same, settings

SPEC = arch.from_string(
  'small@16 conv_k3_s2_c8_re ir_k3_e2_c8_se0.25_re ir_k3_s2_e2_c8_hs pool '
  'dense_c4_li'
)


@pytest.mark.parametrize(
  ('freeze', 'count'),
  [('', 0), ('0', 0), ('2', 2), ('block_01', 2), ('stride2', 2),
   ('stride4', 3), ('pool', 4), ('embedding', 4)],
)  # fmt: skip
def test_up_to_where_weights_stay(freeze, count):
  assert frozen_blocks(SPEC, freeze) == count


@pytest.mark.parametrize(
  ('freeze', 'says'),
  [
    ('block_1', "train.freeze: small has no endpoint 'block_1'.*mean 'block_"),
    ('stride_4', "blocks are block_00 to block_04. Did you mean 'stride4'"),
    ('5', "'5', which leaves nothing to learn: 4 blocks of small stand before"),
    ('block_04', 'leaves nothing to learn'),
  ],
)
def test_what_cannot_be_frozen(freeze, says):
  with pytest.raises(UserError, match=says):
    frozen_blocks(SPEC, freeze)


def test_rates_fall_from_the_head_backwards():
  rates = block_rates(SPEC, 1, 0.5)  # the pool has no weights and is no step
  assert rates == {
    'block_00': 0.0, 'block_01': 0.25, 'block_02': 0.5, 'block_04': 1.0,
  }  # fmt: skip
  whole = block_rates(get_arch('mobilenet_v3_small'), 0, 1.0)
  assert set(whole.values()) == {1.0}


def batch_of(seed):
  rng = np.random.default_rng(seed)
  image = rng.normal(size=(8, 16, 16, 3)).astype(np.float32)
  return {'image': image, 'label': rng.integers(0, 4, 8)}


@pytest.mark.parametrize('remat', [False, True])
def test_frozen_blocks_stay_bit_for_bit_while_others_move(remat):
  """Their weights, what weight decay would shrink, and their statistics."""
  network = build(SPEC, dropout=0.2, drop_path=0.3, remat=remat, frozen=2)
  rule = by_block(optimizer(settings(), 6), block_rates(SPEC, 2, 0.7))
  step = classification.train_step(
    network, rule, smoothing=0.1, seed=0, accumulate=2, ema=0.9
  )
  variables = classification.init_variables(network, 0)
  before = jax.tree.map(np.array, variables)
  state = create_state(variables, rule, ema=True)
  for i in range(4):
    state, _ = step(state, batch_of(i))
  for found in (state.ema, {'params': state.params, **state.model_state}):
    for kind, blocks in before.items():
      for name, block in blocks.items():
        if name in ('block_00', 'block_01'):
          same(found[kind][name], block)
          continue
        for a, b in zip(
          jax.tree.leaves(found[kind][name]),
          jax.tree.leaves(block),
          strict=True,
        ):
          assert np.any(np.asarray(a) != b), f'{kind} {name}'


def test_frozen_blocks_do_what_they_do_in_evaluation():
  images = batch_of(0)['image']
  network = build(SPEC, dropout=0.5, drop_path=0.5, frozen=4)
  variables = network.init(jax.random.key(0), images)
  trained, _ = network.apply(
    variables, images, train=True, mutable=['batch_stats'], taps=(3,)
  )
  expected = build(SPEC).apply(variables, images, taps=(3,))
  np.testing.assert_array_equal(trained[3], expected[3])


def test_weights_are_those_of_scikit_learn():
  labels = np.repeat([0, 1, 2], [5, 40, 12])
  expected = compute_class_weight('balanced', classes=np.arange(3), y=labels)
  found = balanced_weights(np.bincount(labels))
  np.testing.assert_allclose(found, expected, rtol=1e-6)
  assert found[labels].mean() == pytest.approx(1)


def test_a_weighted_loss_is_as_the_formula_says():
  rng = np.random.default_rng(0)
  logits = rng.normal(size=(6, 3)).astype(np.float32)
  labels = np.array([0, 1, 1, 2, 2, 2])
  weights = np.array([2.0, 1.0, 0.5], np.float32)
  logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
  targets = np.eye(3)[labels] * 0.7 + 0.1  # smoothed by 0.3
  losses = -(targets * logs).sum(1)
  loss = classification.cross_entropy
  expected = (weights[labels] * losses).mean()
  found = loss(logits, labels, 0.3, weights)
  assert float(found) == pytest.approx(expected, rel=1e-5)
  assert float(loss(logits, labels, 0.3)) == pytest.approx(
    losses.mean(), rel=1e-5
  )
  shares = np.eye(3)[labels] * 0.5 + np.eye(3)[[1, 1, 2, 0, 2, 1]] * 0.5
  losses = -((shares * 0.7 + 0.1) * logs).sum(1)
  mixed = loss(logits, np.asarray(shares, np.float32), 0.3, weights)
  assert float(mixed) == pytest.approx(
    ((shares @ weights) * losses).mean(), rel=1e-5
  )
