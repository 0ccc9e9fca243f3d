"""The worker of our networks."""

import os
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict
from searching import CLASSES, SCORED, space_step
from worker import Step, serve

from mobilenet_jax.core.memory import use_huge_pages
from mobilenet_jax.measure.host import chip
from mobilenet_jax.models.builder import build
from mobilenet_jax.models.find import find_arch
from mobilenet_jax.tasks import classification
from mobilenet_jax.train.optimizers import optimizer
from mobilenet_jax.train.state import create_state

OPTIMIZER = ConfigDict(
  {
    'name': 'rmsprop',
    'learning_rate': 1e-3,
    'schedule': 'cosine',
    'warmup': 0.0,
    'momentum': 0.9,
    'decay': 0.9,
    'epsilon': 1e-3,
    'weight_decay': 1e-5,
    'decay_depthwise': True,
    'clip_norm': 1e9,
  }
)


def make(case: Mapping[str, Any]) -> tuple[Step, dict[str, Any]]:
  """The step of a case, and what it runs on."""
  rng = np.random.default_rng(0)
  shape = (case['batch'], case['resolution'], case['resolution'], 3)
  batch = {
    'image': jnp.asarray(rng.normal(size=shape), jnp.float32),
    'label': jnp.asarray(rng.integers(0, CLASSES, case['batch'])),
  }
  made = {'forward': forward, 'train': train}.get(case['what'], search)
  return made(case, batch), {
    'library': f'mobilenet_jax on jax {jax.__version__}',
    'device': _device(),
  }


def _device() -> str:
  """The accelerator, or the computer's processor."""
  if jax.default_backend() == 'cpu':
    return f'{chip()}, {os.cpu_count()} cores'
  return jax.devices()[0].device_kind


def network_of(case: Mapping[str, Any]) -> tuple[Any, Any]:
  """A network, of the zoo or a spec string, and its first variables."""
  spec = find_arch(case['model'], None, case['resolution'], CLASSES)
  network = build(spec, dtype=jnp.dtype(case['precision']))
  return network, classification.init_variables(network, 0)


def forward(case: Mapping[str, Any], batch: Any) -> Step:
  """A forward pass of evaluation."""
  network, variables = network_of(case)
  predict = classification.predict_fn(network)
  return lambda: jax.block_until_ready(predict(variables, batch['image']))


def train(case: Mapping[str, Any], batch: Any) -> Step:
  """A training step with RMSProp."""
  network, variables = network_of(case)
  rule = optimizer(OPTIMIZER, 100_000)
  take = classification.train_step(network, rule, smoothing=0.1, seed=0)
  return stepping(take, create_state(variables, rule), batch)


def search(case: Mapping[str, Any], batch: Any) -> Step:
  """A step of a one-shot search: it trains a sampled network, and ('search')
  scores another on as many images, or ('search-quickstart') as many others on
  as many as the quickstart."""
  take, state = space_step(case, optimizer(OPTIMIZER, 100_000))
  _, times = SCORED.get(case['what'], (1, 1))
  held_out = {k: jnp.concatenate([v] * times) for k, v in batch.items()}
  return stepping(take, state, {'train': batch, 'held_out': held_out})


def stepping(take: Any, state: Any, batch: Any) -> Step:
  """The step that carries its state on."""
  kept = {'state': state}

  def step() -> None:
    kept['state'], metrics = take(kept['state'], batch)
    jax.block_until_ready((kept['state'], metrics))

  return step


if __name__ == '__main__':
  use_huge_pages()  # as the commands do that train
  serve(make)
