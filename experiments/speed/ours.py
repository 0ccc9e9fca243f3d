"""The worker of our networks."""

import os
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict
from worker import Step, serve

from mobilenet_jax.measure.host import chip
from mobilenet_jax.models import get_arch
from mobilenet_jax.models.builder import build
from mobilenet_jax.tasks import classification
from mobilenet_jax.train.optimizers import optimizer
from mobilenet_jax.train.state import create_state

OPTIMIZER = ConfigDict(
  {
    'name': 'rmsprop',
    'learning_rate': 1e-3,
    'warmup': 0.0,
    'momentum': 0.9,
    'weight_decay': 1e-5,
    'clip_norm': 1e9,
  }
)


def make(case: Mapping[str, Any]) -> tuple[Step, dict[str, Any]]:
  """The step of a case, and what it runs on."""
  spec = get_arch(case['model'], 1.0, case['resolution'], 1000)
  network = build(spec, dtype=jnp.dtype(case['precision']))
  rng = np.random.default_rng(0)
  shape = (case['batch'], case['resolution'], case['resolution'], 3)
  batch = {
    'image': jnp.asarray(rng.normal(size=shape), jnp.float32),
    'label': jnp.asarray(rng.integers(0, 1000, case['batch'])),
  }
  variables = classification.init_variables(network, 0)
  made = {'forward': forward, 'train': train}[case['what']]
  return made(network, variables, batch), {
    'library': f'mobilenet_jax on jax {jax.__version__}',
    'device': _device(),
  }


def _device() -> str:
  """The accelerator, or the computer's processor."""
  if jax.default_backend() == 'cpu':
    return f'{chip()}, {os.cpu_count()} cores'
  return jax.devices()[0].device_kind


def forward(network: Any, variables: Any, batch: Any) -> Step:
  """A forward pass of evaluation."""
  predict = classification.predict_fn(network)
  return lambda: jax.block_until_ready(predict(variables, batch['image']))


def train(network: Any, variables: Any, batch: Any) -> Step:
  """A training step with RMSProp."""
  rule = optimizer(OPTIMIZER, 100_000)
  take = classification.train_step(network, rule, smoothing=0.1, seed=0)
  state = {'is': create_state(variables, rule)}

  def step() -> None:
    state['is'], metrics = take(state['is'], batch)
    jax.block_until_ready((state['is'], metrics))

  return step


if __name__ == '__main__':
  serve(make)
