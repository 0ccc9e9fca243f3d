"""A training of six numbers, and the settings of its optimizer."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from mobilenet_jax.train.loop import Plan, fit
from mobilenet_jax.train.optimizers import optimizer
from mobilenet_jax.train.state import create_state, take_step


def settings(name='sgd', **changes):
  return ConfigDict(
    {
      'name': name,
      'learning_rate': 0.1,
      'schedule': 'cosine',
      'warmup': 0.2,
      'decay_rate': 0.97,
      'decay_every': 0.1,
      'staircase': False,
      'momentum': 0.9,
      'nesterov': True,
      'decay': 0.0,
      'epsilon': 0.0,
      'weight_decay': 0.01,
      'decay_depthwise': True,
      'clip_norm': 1.0,
      **changes,
    }
  )


RULE = optimizer(settings(), 20)


def start():
  params = {'layer': {'kernel': jnp.ones((3, 2)), 'bias': jnp.zeros(2)}}
  return create_state({'params': params, 'batch_stats': {}}, RULE)


@jax.jit
def step(state, batch):
  def loss(params):
    out = batch @ params['layer']['kernel'] + params['layer']['bias']
    return jnp.mean(jnp.square(out - 1))

  value, grads = jax.value_and_grad(loss)(state.params)
  return take_step(state, RULE, grads, state.model_state), {'loss': value}


def batches(first):
  for i in itertools.count(first):
    yield np.random.default_rng(i).normal(size=(4, 3)).astype(np.float32)


def train(folder, source=batches, step_fn=step, **more):
  """20 steps, a checkpoint every 6."""
  folder.mkdir(exist_ok=True)
  return fit(
    start(),
    step_fn,
    source,
    Plan(20, log_every=2, save_every=6, images=4, folder=folder, title='toy'),
    record=lambda m: {k: float(v) for k, v in m.items()},
    **more,
  )


def same(a, b):
  """Asserts that two trees are the same bit for bit."""
  for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
    np.testing.assert_array_equal(x, y)
