"""Runs resume bit for bit, checkpoints round-trip, metrics stay whole."""

import itertools
import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from ml_collections import ConfigDict

from mobilenet_jax.core.errors import JobError, UserError
from mobilenet_jax.train.checkpoints import Checkpoints
from mobilenet_jax.train.loop import fit
from mobilenet_jax.train.metrics import MetricsWriter, read_metrics
from mobilenet_jax.train.optimizers import optimizer
from mobilenet_jax.train.state import create_state, take_step


def settings(name='sgd'):
  return ConfigDict(
    {
      'name': name,
      'learning_rate': 0.1,
      'warmup': 0.2,
      'momentum': 0.9,
      'weight_decay': 0.01,
      'clip_norm': 1.0,
    }
  )


RULE = optimizer(settings(), 20)


class Stop(Exception):
  """Stands for a kill between two steps."""


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


def train(folder, stop_at=None, step_fn=step):
  def source(first):
    for i, batch in enumerate(batches(first), first):
      if i == stop_at:
        raise Stop
      yield batch

  return fit(
    start(),
    step_fn,
    source,
    steps=20,
    folder=folder,
    title='toy',
    log_every=2,
    save_every=6,
    record=lambda m: {k: float(v) for k, v in m.items()},
  )


@pytest.mark.parametrize('stops', [(3,), (6,), (7, 13, 19)])
def test_an_interrupted_run_ends_as_one_that_was_not(tmp_path, stops):
  whole, broken = tmp_path / 'whole', tmp_path / 'broken'
  whole.mkdir()
  broken.mkdir()
  expected = train(whole)
  for stop in stops:
    with pytest.raises(Stop):
      train(broken, stop)
  got = train(broken)
  for a, b in zip(jax.tree.leaves(expected), jax.tree.leaves(got), strict=True):
    np.testing.assert_array_equal(a, b)
  name = 'metrics.jsonl'
  assert (whole / name).read_bytes() == (broken / name).read_bytes()
  again = train(broken)  # a finished run is not run again
  np.testing.assert_array_equal(again.step, 20)


def test_a_diverged_run_stops_before_it_spoils_its_checkpoint(tmp_path):
  def diverging(state, batch):
    state, metrics = step(state, batch)
    bad = jnp.where(state.step > 13, jnp.nan, metrics['loss'])
    return state, {'loss': bad}

  with pytest.raises(JobError, match='loss is nan after step 14'):
    train(tmp_path, step_fn=diverging)
  checkpoints = Checkpoints(tmp_path / 'checkpoints')
  assert checkpoints.latest_step() == 12
  checkpoints.close()
  assert read_metrics(tmp_path)[-1]['step'] == 12


def test_metrics_drop_what_came_after_the_checkpoint(tmp_path):
  writer = MetricsWriter(tmp_path, after_step=0)
  for i in range(1, 5):
    writer.write(i, {'loss': i / 2, 'entropy': {'a/b': 0.5}})
  writer.close()
  with (tmp_path / 'metrics.jsonl').open('a') as file:
    file.write('{"step": 5, "lo')  # cut off by a kill
  MetricsWriter(tmp_path, after_step=2).close()
  assert [r['step'] for r in read_metrics(tmp_path)] == [1, 2]
  assert json.loads(
    (tmp_path / 'metrics.jsonl').read_text().split('\n')[1]
  ) == {
    'step': 2,
    'loss': 1.0,
    'entropy': {'a/b': 0.5},
  }


def test_checkpoints_round_trip_and_keep_the_last_two(tmp_path):
  checkpoints = Checkpoints(tmp_path / 'c')
  assert checkpoints.latest_step() is None
  with pytest.raises(UserError, match='No checkpoint'):
    checkpoints.restore(start())
  state, _ = step(start(), next(batches(0)))
  for i in (1, 2, 3):
    checkpoints.save(i, jax.tree.map(lambda x, i=i: x + i, state))
  restored = checkpoints.restore(start())
  other = start().replace(params={'elsewhere': jnp.ones(3)})
  with pytest.raises(UserError, match='another network'):
    checkpoints.restore(other)
  checkpoints.close()
  jax.tree.map(
    np.testing.assert_array_equal,
    restored,
    jax.tree.map(lambda x: x + 3, state),
  )
  assert sorted(p.name for p in (tmp_path / 'c').iterdir()) == ['2', '3']


@pytest.mark.parametrize('name', ['sgd', 'rmsprop', 'adamw'])
def test_optimizers_learn_and_decay_kernels_only(name):
  rule = optimizer(settings(name), 60)
  params = {'kernel': jnp.full(3, 5.0), 'bias': jnp.full(3, 5.0)}
  state = rule.init(params)
  zero = jax.tree.map(jnp.zeros_like, params)
  for _ in range(20):
    updates, state = rule.update(zero, state, params)
    params = optax.apply_updates(params, updates)
  assert float(params['kernel'][0]) < 5.0
  assert float(params['bias'][0]) == 5.0


def test_an_unknown_optimizer_is_named():
  with pytest.raises(UserError, match=r"'adamm'.*'adamw'"):
    optimizer(settings('adamm'), 10)
