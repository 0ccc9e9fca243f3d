"""Small spaces and objectives whose optimum is known."""

import functools

import numpy as np
import optuna

from mobilenet_jax.arch import ArchSpec, Conv, Dense, Pool, one_of
from mobilenet_jax.search.policies import OF_A_FRONT, Settings, make_policy
from mobilenet_jax.search.rewards import absolute
from mobilenet_jax.search.trial import OF_ONE_PROCESS, Search, Together
from mobilenet_jax.space import SearchSpace
from mobilenet_jax.space.reach import reach_tensor, reached


def small_space() -> SearchSpace:
  """64 networks of three decisions, all reached."""
  blocks = tuple(
    Conv(kernel=1, channels=one_of(f'width{i}', 8, 16, 24, 32))
    for i in range(3)
  )
  return SearchSpace(
    ArchSpec(
      name='toy', resolution=8, blocks=(*blocks, Pool(), Dense(channels=2))
    )
  )


def small_price(vector) -> float:
  """Milliseconds, 1 to 2.8."""
  return 1.0 + 0.2 * sum(vector)


def small_quality(vector) -> float:
  """Best, 0.9, at (2, 1, 3) alone; there it costs 2.2 ms."""
  return 0.9 - 0.05 * sum(
    abs(a - b) for a, b in zip(vector, (2, 1, 3), strict=True)
  )


class Rugged:
  """Quality of a network of any space: a sum over the decisions it reaches, and
  over pairs of them, that a greedy search would not find."""

  def __init__(self, space: SearchSpace, seed: int):
    rng = np.random.default_rng(seed)
    self.sizes = np.asarray(list(space.decisions.values()))
    self.reach = reach_tensor(space)
    count, most = len(self.sizes), self.sizes.max()
    self.alone = rng.normal(size=(count, most))
    self.pairs = rng.normal(size=(count, count)) * 0.3

  def __call__(self, vector) -> float:
    every = np.arange(len(vector))
    there = reached(self.reach, vector)
    place = (np.asarray(vector) / np.maximum(self.sizes - 1, 1) - 0.5) * there
    return float(
      self.alone[every, list(vector)] @ there + place @ self.pairs @ place
    )


def small_search(policy: str, budget: int, evaluate=None, **more) -> Search:
  """A search of `small_space` for 2 ms, whose networks take no time."""
  settings = Settings(population=4, tournament=2)
  return Search(
    small_space(),
    functools.partial(make_policy, policy, small_space(), 0, settings=settings),
    budget,
    evaluate or (lambda vector, number, report: quality_of(vector)),
    small_price,
    lambda quality, ms: absolute(quality, ms, 2.0, -0.3),
    front=policy in OF_A_FRONT,
    **more,
  )


def together(size: int, evaluate=None) -> Together:
  """Evaluates several networks at once; `evaluate` is that of one."""
  one = evaluate or (lambda vector, number, report: quality_of(vector))
  return Together(
    size,
    lambda vectors, numbers: [
      one(v, n, None) for v, n in zip(vectors, numbers, strict=True)
    ],
  )


def quality_of(vector) -> dict[str, float]:
  """What an evaluation gives."""
  return {'accuracy': small_quality(vector)}


def contents(storage, name):
  """What of a study's trials does not depend on when and by whom they were."""
  study = optuna.load_study(study_name=name, storage=storage)
  return [
    (
      t.number,
      t.state.name,
      t.params,
      t.values,
      t.intermediate_values,
      {k: v for k, v in t.user_attrs.items() if k not in OF_ONE_PROCESS},
    )
    for t in study.trials
  ]
