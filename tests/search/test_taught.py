"""Shared weights that a teacher teaches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mobilenet_jax.latency.tensors import price_tensors, space_keys
from mobilenet_jax.models.builder import build
from mobilenet_jax.search import oneshot
from mobilenet_jax.space import get_space
from mobilenet_jax.tasks import classification
from mobilenet_jax.tasks.distillation import Teacher
from mobilenet_jax.train.optimizers import optimizer
from tests.latency.toy import toy_table
from tests.train.toy import same, settings

RULE = optimizer(settings(schedule='constant', warmup=0.0), 10)
SETTINGS = oneshot.Settings(
  steps=10, target_ms=1.0, beta=-0.3, learning_rate=0.01, warm_up=0.5,
  samples=1, seed=0,
)  # fmt: skip


@pytest.fixture(scope='module')
def case():
  space = get_space('v3_tiny', 16, 10)
  table = toy_table(list(space_keys(space.spec)))
  step = oneshot.search_step(
    space,
    price_tensors(space.spec, table),
    RULE,
    SETTINGS,
    loss=lambda x, y: classification.cross_entropy(x, y, 0.1),
    quality=classification.accuracy,
  )
  rng = np.random.default_rng(0)
  part = {
    'image': rng.normal(size=(8, 16, 16, 3)).astype(np.float32),
    'label': rng.integers(0, 10, 8),
  }
  spec = space.decode([0] * len(space.tags), 'teacher')
  network = build(spec.replace(resolution=32))
  variables = classification.init_variables(network, 1)
  variables = jax.tree.map(lambda x: 2 * x, variables)
  teacher = Teacher(variables, network, soft=1.0, temperature=2.0)
  return space, step, {'train': part, 'held_out': part}, teacher


def test_the_shared_weights_hear_the_teacher_alone_and_leave_it_as_it_is(case):
  space, step, batch, teacher = case
  before = jax.tree.map(np.array, teacher.variables)
  labels = {'label': 9 - batch['train']['label']}
  others = {**batch, 'train': {**batch['train'], **labels}}

  def taken(batch, teacher):
    state, metrics = step(oneshot.initial_state(space, RULE, 0), batch, teacher)
    return state.weights.opt_state, float(metrics['loss'])

  moved, loss = taken(batch, teacher)
  again, same_loss = taken(others, teacher)
  same(moved, again)  # whatever the labels
  assert loss == same_loss > 0
  same(teacher.variables, before)
  silent = jax.tree.map(jnp.zeros_like, teacher.variables)
  other, other_loss = taken(batch, teacher.replace(variables=silent))
  assert abs(other_loss - loss) > 1e-3
  pairs = zip(jax.tree.leaves(moved), jax.tree.leaves(other), strict=True)
  assert any(np.any(a != b) for a, b in pairs)
