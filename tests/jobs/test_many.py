"""`jobs.many`: an outcome is the network's and the seed's own."""

import pytest

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data.augment import make_augmentation
from mobilenet_jax.jobs.many import Trainer, seed_of
from mobilenet_jax.jobs.recipes import digits_config
from mobilenet_jax.jobs.splits import open_split
from mobilenet_jax.space import get_space

SPACE = get_space('v3_tiny', 32, 10)
DECISIONS = len(SPACE.tags)


@pytest.fixture(scope='module')
def trainer(scenes_dir):
  config = digits_config(local=True)
  config.data.dir = str(scenes_dir)
  train, test = (open_split(config.data, s) for s in ('train', 'test'))
  return Trainer(
    SPACE,
    config.train,
    train,
    {'test': test},
    size=2,
    augment=make_augmentation(config.data.augment),
  )


def test_an_outcome_does_not_depend_on_the_neighbour(trainer):
  zeros, ones = (0,) * DECISIONS, (1,) * DECISIONS
  both = trainer([zeros, ones], 0)
  assert trainer([ones], 0) == [both[1]]
  assert trainer([ones, zeros], 0) == both[::-1]
  assert trainer([ones], 1) != [both[1]]
  assert all(outcome.finite for outcome in both)
  assert set(both[0].accuracy) == {'test'}
  # a mean over whole images
  assert all(
    abs(o.accuracy['test'] * 200 - round(o.accuracy['test'] * 200)) < 1e-3
    for o in both
  )


def test_it_takes_as_many_as_its_program(trainer):
  vector = (0,) * DECISIONS
  with pytest.raises(UserError, match=r'3 networks .* takes 1 to 2\.'):
    trainer([vector] * 3, 0)
  with pytest.raises(UserError, match=r'0 networks'):
    trainer([], 0)


def test_first_weights_are_of_the_vector_and_the_seed():
  seeds = {seed_of(v, s) for v in ((0, 1), (1, 0)) for s in (0, 1)}
  assert len(seeds) == 4
  assert seed_of((0, 1), 0) == seed_of([0, 1], 0)
  assert all(0 <= seed < 2**31 for seed in seeds)
