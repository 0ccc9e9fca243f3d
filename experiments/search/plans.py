"""The searches that are compared: what each is given, and for how long."""

from bisect import bisect_right
from pathlib import Path

from ml_collections import ConfigDict

from mobilenet_jax.core.config import load_config
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.jobs.searching import search_images
from mobilenet_jax.space import get_space

CONFIGS = Path(__file__).parents[2] / 'configs'
DATA = 'digit_scenes/64'
ALGORITHMS = {  # config; random search has the first one's, save its search
  'random': 'quickstart',
  'tunas': 'quickstart',
  'sandwich': 'search_sandwich',
  'differentiable': 'search_differentiable',
}
SHORTEST, LONGEST = 10, 1_000_000  # steps


def _adamw(part: str, rate: float) -> tuple[str, ...]:
  """Instead of SGD, with which networks at 64 px take long to learn at all."""
  return (
    f'--config.{part}.optimizer.name=adamw',
    f'--config.{part}.optimizer.learning_rate={rate}',
    f'--config.{part}.optimizer.weight_decay=0.01',
  )


ALIKE = (  # of all algorithms
  f'--config.data.name={DATA}',
  '--config.train.steps=1500',
  '--config.train.save_every=500',
  '--config.search.save_every=500',
  '--config.compare.random=1',  # the least; random search has many
  *_adamw('train', 0.001),
  *_adamw('search', 0.001),
)
# what differs from the configs: a search here has several times their steps
OWN = {
  'random': (),
  'tunas': ('--config.search.learning_rate=0.0075',),
  'sandwich': (
    '--config.search.population=24',
    '--config.search.generations=7',
    '--config.search.candidate_images=640',
  ),
  'differentiable': ('--config.search.learning_rate=0.01',),
}


def flags_of(
  algorithm: str, seed: int, more: tuple[str, ...], *, local: bool
) -> list[str]:
  """The arguments of `mobilenet-jax search` for a search of one seed, without
  how long it takes.

  Args:
    more: arguments that all searches get.
    local: take a few steps of everything on a tiny space.
  """
  path = CONFIGS / f'{ALGORITHMS[algorithm]}.py'
  flags = [f'--config={path}{":runlocal" if local else ""}', *more]
  flags += [f'--config.seed={seed}']
  return flags if local else [*flags, *ALIKE, *OWN[algorithm]]


def random_flags(flags: list[str], networks: int) -> list[str]:
  """A random search of so many networks."""
  return [*flags, f'--config.compare.random={networks}']


def search_flags(flags: list[str], budget: float) -> list[str]:
  """A search of the most steps that see no more than `budget` images, see
  `searching.search_images`.

  Raises:
    UserError: the shortest search sees more.
  """
  config = ConfigDict(load_config(flags))
  space = get_space(config.space, int(DATA.rpartition('/')[2]), 10)

  def images(steps: int) -> float:
    config.search.steps = steps
    return search_images(config, space)

  if images(SHORTEST) > budget:
    raise UserError(
      f'Random search sees {budget:,.0f} images, too few for a search by '
      f'{config.search.algorithm}; allow it more --networks.'
    )
  steps = bisect_right(range(LONGEST), budget, lo=SHORTEST, key=images) - 1
  return [*flags, f'--config.search.steps={steps}']
