"""What a search is said to cost is what it does."""

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from mobilenet_jax.arch import count
from mobilenet_jax.core.config import load_config
from mobilenet_jax.jobs import contenders, one_shot, sandwich
from mobilenet_jax.jobs.searching import (
  DRAWS,
  SearchJob,
  mean_macs,
  search_images,
  training_images,
)
from mobilenet_jax.search import evolution, oneshot
from mobilenet_jax.search.evidence import Judged
from mobilenet_jax.space import get_space

STEPS, SPACE = 400, 'v3_small_images'


@pytest.fixture
def config(request):
  path = request.config.rootpath / 'configs/quickstart.py'
  flags = [f'--config={path}', f'--config.search.steps={STEPS}']
  return lambda *more: load_config([*flags, *more])


@pytest.mark.parametrize('hold', [0.0, 0.5])
def test_the_warm_up_counts_as_what_it_trains(config, hold):
  config = config(f'--config.search.warm_up_hold={hold}')
  space, part = get_space(SPACE, 32, 10), config.search
  rng, work = np.random.default_rng(7), []
  largest = space.choice(space.largest())
  for step in range(STEPS):
    odds = float(oneshot.warm_up_probability(step, STEPS, part.warm_up, hold))
    soft = oneshot.soft_choice(
      space, jnp.asarray(space.sample(rng)), *(rng.random(2) < odds)
    )
    taken = [  # what is averaged costs as much as the largest
      int(np.argmax(soft[tag])) if np.max(soft[tag]) == 1 else largest[tag]
      for tag in space.tags
    ]
    work.append(count(space.decode(taken)).macs)
  seen = np.mean(work) / mean_macs(space) * STEPS * part.batch
  looked_at = one_shot.rests(part) * part.samples * part.held_out_batch
  looked_at += part.candidates * part.candidate_images
  assert search_images(config, space) == pytest.approx(
    seen + looked_at / 3, rel=0.03
  )
  assert seen > 1.2 * STEPS * part.batch


def test_networks_count_by_their_multiply_adds_and_once(config):
  config = config('--config.compare.seeds=3', '--config.train.steps=10')
  space = get_space(SPACE, 32, 10)
  rng = np.random.default_rng(0)
  some = [space.decode(space.sample(rng)) for _ in range(DRAWS)]
  images = 10 * config.train.batch
  assert training_images(config, space, some) == pytest.approx(DRAWS * images)
  small = [space.decode(space.smallest())]
  assert training_images(config, space, small) < images / 2


def test_an_evolution_evaluates_as_many_as_it_says(request):
  path = request.config.rootpath / 'configs/search_sandwich.py'
  part = load_config([f'--config={path}']).search
  settings, asked = sandwich._evolution(part), []

  def evaluate(vector):
    asked.append(vector)
    return Judged(vector, 1.0, float(sum(vector)))

  space = get_space(SPACE, 32, 10)
  evolution.evolve(space, evaluate, lambda _: True, settings)
  assert len(asked) == settings.evaluations == 50 + 15 * 38


def rivals(config, space, price):
  """The random networks that a search is compared with."""
  pricing = SimpleNamespace(of_window=price, target_ms=1.0)
  return contenders._random(SearchJob(config, space, pricing, None, None, None))


def test_random_networks_are_trained_for_what_the_search_costs(config):
  config = config('--config.train.steps=100')
  assert config.compare.random == 0  # by default
  space = get_space(SPACE, 32, 10)
  found = rivals(config, space, lambda _: 1.0)
  budget = search_images(config, space)
  assert len(found) == len({count(spec).macs for spec in found}) > 5
  assert training_images(config, space, found) >= budget
  assert training_images(config, space, found[:-1]) < budget


def test_a_window_of_few_networks_has_no_more_of_them(config, monkeypatch):
  monkeypatch.setattr('mobilenet_jax.search.select.MOST_DRAWS', 2000)
  space = get_space('v3_tiny', 32, 10)
  few = {space.canonical((i, *[0] * (len(space.tags) - 1))) for i in (0, 1)}
  price = lambda vector: 1.0 if space.canonical(vector) in few else 9.0
  assert len(rivals(config(), space, price)) == len(few) == 2
