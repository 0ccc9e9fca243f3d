"""Trains many networks of a space to the end, several in one program.

    trainer = Trainer(space, config.train, data.train,
                      {'held_out': data.held_out}, size=8, augment=plan)
    outcomes = trainer(vectors, seed)  # at most 8 vectors, in their order

The outcome of a network depends on its vector and the seed, not on whom it is
trained beside: its first weights are drawn from both, the order and variation
of its images from the seed. On CPU it is the same to the last bit.
"""

import contextlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data.augment import Augmentation
from mobilenet_jax.data.pipeline import Batch, eval_batches, train_batches
from mobilenet_jax.data.sources import Source
from mobilenet_jax.space import SearchSpace
from mobilenet_jax.supernet import many
from mobilenet_jax.tasks import classification
from mobilenet_jax.train.optimizers import optimizer

EVAL_BATCH = 400  # at most; batch norm takes its statistics


@dataclass(frozen=True)
class Outcome:
  """Of a trained network.

  Attributes:
    accuracy: by the name of the source.
    finite: whether its loss always was; if not, it stopped learning there.
  """

  accuracy: dict[str, float]
  finite: bool


class Trainer:
  """Trains up to `size` networks of a space at a time.

  What is compiled serves every network of the space.

  Args:
    config: the `train` part of a config: steps, batch, label_smoothing,
      optimizer.
    train: images to learn from.
    sources: images to evaluate on, by name.
    augment: how training images are varied.
    how: see `supernet.many`.
  """

  def __init__(
    self,
    space: SearchSpace,
    config: Any,
    train: Source,
    sources: Mapping[str, Source],
    *,
    size: int,
    augment: Augmentation,
    how: many.How = 'auto',
  ):
    self._space, self._config, self._train = space, config, train
    self._sources, self._size, self._augment = dict(sources), size, augment
    rule = optimizer(config.optimizer, config.steps)
    smoothing = config.label_smoothing
    self._first = many.initial_states(space, rule)
    self._step = many.train_step(
      space,
      rule,
      loss=lambda o, y: classification.cross_entropy(o, y, smoothing),
      how=how,
    )
    self._score = many.scorer(space, classification.accuracy, how=how)

  def __call__(
    self, vectors: Sequence[Sequence[int]], seed: int
  ) -> list[Outcome]:
    """Trains and evaluates networks, in the order of their vectors.

    Raises:
      UserError: there are none, or more than `size`.
    """
    count = len(vectors)
    if not 1 <= count <= self._size:
      raise UserError(
        f'{count} networks are to be trained at once; it takes 1 to '
        f'{self._size}.'
      )
    # a program has one size: what is missing is filled with the last one
    filled = [*vectors, *[vectors[-1]] * (self._size - count)]
    chosen = jnp.asarray(filled, jnp.int32)
    seeds = [seed_of(vector, seed) for vector in filled]
    states = self._first(np.asarray(seeds, np.int32))
    for batch in self._batches(seed):
      states, _ = self._step(states, chosen, batch)
    found = {
      name: self._evaluate(states.params, chosen, source)
      for name, source in self._sources.items()
    }
    finite = np.asarray(states.finite)
    return [
      Outcome({n: float(a[i]) for n, a in found.items()}, bool(finite[i]))
      for i in range(count)
    ]

  def _batches(self, seed: int) -> Iterator[Batch]:
    spec, config = self._space.spec, self._config
    batches: Any = train_batches(
      self._train,
      batch=config.batch,
      seed=seed,
      resolution=spec.resolution,
      augment=self._augment,
      inputs=spec.inputs,
    )
    with contextlib.closing(batches):
      yield from itertools.islice(batches, config.steps)

  def _evaluate(
    self, params: Any, vectors: Array, source: Source
  ) -> np.ndarray:
    """Accuracies [K], over batches of one size; so that there is none of few
    images, up to a handful at the end are left out."""
    count = -(-len(source) // EVAL_BATCH)
    batches: Any = eval_batches(
      source,
      batch=len(source) // count,
      resolution=self._space.spec.resolution,
      inputs=self._space.spec.inputs,
    )
    with contextlib.closing(batches):
      scores = [
        self._score(params, vectors, {k: b[k] for k in ('image', 'label')})
        for b in itertools.islice(batches, count)
      ]
    return np.mean(np.stack(scores), 0)


def seed_of(vector: Sequence[int], seed: int) -> int:
  """The seed of a network's first weights."""
  words = np.random.SeedSequence([seed, *vector]).generate_state(1)
  return int(words[0]) >> 1
