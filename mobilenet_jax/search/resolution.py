"""The resolution of a step.

Shapes are known when a step is compiled, so the side of its images is drawn
before it, and there is a program for each side, compiled when it is drawn for
the first time.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import Array

from mobilenet_jax.arch.oneof import RESOLUTION as TAG
from mobilenet_jax.space import SearchSpace

STREAM = 15  # random stream

# (state, batch, teacher=None) -> (state, metrics)
Step = Callable[..., tuple[Any, dict[str, Array]]]


def resized(images: Array, side: int | None) -> Array:
  """[N, H, W, C] images at another side, antialiased where it is smaller.

  Args:
    side: in pixels; None leaves them as they are.
  """
  n, height, width, channels = images.shape
  if side is None or (height, width) == (side, side):
    return images
  return jax.image.resize(images, (n, side, side, channels), 'bilinear')


def generator(seed: int, step: int) -> np.random.Generator:
  """What draws the resolution of a step."""
  return np.random.default_rng([seed, STREAM, step])


def at(index: int | None, vector: Array) -> Array:
  """A choice vector with the resolution, its first decision, at an index; None
  changes nothing."""
  return vector if index is None else vector.at[0].set(index)


def side_of(space: SearchSpace, index: int | None) -> int | None:
  """The side in pixels of an index of the resolution; None of None."""
  return None if index is None else space.resolutions[index]


def by_resolution(
  space: SearchSpace,
  step_at: Callable[[int | None], Step],
  seed: int,
  logits_of: Callable[[Any], Array],
) -> Step:
  """Returns the step that draws its resolution first, by the logits.

  Args:
    step_at: makes the compiled step of a resolution, by its index; None where
      there is one resolution only.
    seed: of the draws.
    logits_of: gives those of all decisions, [decisions, most choices], of a
      state that has its `step`.
  """
  if TAG not in space.tags:
    return step_at(None)
  steps = functools.cache(step_at)

  def step(state: Any, batch: Any, teacher: Any = None):
    logits = np.asarray(logits_of(state), np.float64)[0]
    odds = np.exp(logits - logits.max())
    rng = generator(seed, int(state.step))
    index = int(rng.choice(len(odds), p=odds / odds.sum()))
    return steps(index)(state, batch, teacher)

  return step
