"""The step of a one-shot search."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from mobilenet_jax.arch import choice_tables, macs_of
from mobilenet_jax.latency.tensors import BlockPrices
from mobilenet_jax.search import oneshot
from mobilenet_jax.space import SearchSpace, get_space
from mobilenet_jax.tasks import classification

CLASSES = 1000
SETTINGS = oneshot.Settings(
  steps=1_000_000,
  target_ms=10.0,
  beta=-0.3,
  learning_rate=1e-3,
  warm_up=0.25,
  samples=1,  # as a device of the paper draws
  seed=0,
)


# The step of a search that is timed. Before a quarter of it the controller
# rests, and by then every step trains one sampled network; at its beginning it
# trains the average of all operations at the largest widths.
MOMENTS = {
  'search': 500_000, 'search-weights': 249_000, 'search-quickstart': 500_000,
  'search-warm-up': 0,
}  # fmt: skip
# (networks that are scored a step, held-out images over those trained on)
SCORED = {'search-quickstart': (4, 2)}


def space_step(case: Mapping[str, Any], rule: Any) -> tuple[Any, Any]:
  """The compiled step over a space, and a state: every step draws others."""
  space = get_space(case['model'], case['resolution'], CLASSES)
  samples, _ = SCORED.get(case['what'], (SETTINGS.samples, 1))
  step = oneshot.search_step(
    space,
    prices_of(space),
    rule,
    dataclasses.replace(SETTINGS, samples=samples),
    loss=lambda logits, labels: classification.cross_entropy(
      logits, labels, 0.1
    ),
    quality=classification.accuracy,
  )
  state = oneshot.initial_state(space, rule, 0)
  moment = jnp.full_like(state.weights.step, MOMENTS[case['what']])
  return step, state.replace(weights=state.weights.replace(step=moment))


def prices_of(space: SearchSpace) -> list[BlockPrices]:
  """Multiply-adds as milliseconds, scaled so that the mean network is at the
  target and the controller stays near where it starts."""
  tables = choice_tables(space.spec, macs_of)
  scale = SETTINGS.target_ms / sum(macs.mean() for _, macs in tables)
  return [BlockPrices(macs * scale, axes) for axes, macs in tables]
