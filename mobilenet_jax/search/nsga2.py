"""NSGA-II over choice vectors: accuracy against latency, by Optuna.

Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II"
(2002), constraints included. A function of its seed and of what is evaluated,
so that it is resumed by asking again.
"""

from collections.abc import Callable

from mobilenet_jax.search.evidence import Judged, Vector
from mobilenet_jax.search.evolution import Settings, first_population
from mobilenet_jax.space import SearchSpace


def explore(
  space: SearchSpace,
  evaluate: Callable[[Vector], Judged],
  price: Callable[[Vector], float],
  fits: Callable[[Vector], bool],
  most_ms: float,
  settings: Settings,
) -> Judged:
  """Evaluates the front of a space up to a latency.

  The first generation is drawn from the networks that fit. One dearer than
  `most_ms` is not evaluated: how much dearer it is is what counts of it. Of
  `settings` the parents' share and that of mutants are not read.

  Returns:
    The most accurate evaluated network that fits.

  Raises:
    UserError: no network that fits is found.
  """
  import optuna
  from optuna.distributions import BaseDistribution, CategoricalDistribution

  optuna.logging.set_verbosity(optuna.logging.WARNING)
  sampler = optuna.samplers.NSGAIISampler(
    population_size=settings.population,
    mutation_prob=settings.mutation,
    seed=settings.seed,
  )
  study = optuna.create_study(
    directions=['maximize', 'minimize'], sampler=sampler
  )
  choices: dict[str, BaseDistribution] = {
    tag: CategoricalDistribution(range(size))
    for tag, size in space.decisions.items()
  }
  for vector in first_population(space, fits, settings):
    study.enqueue_trial(space.choice(vector))
  best: Judged | None = None
  for _ in range(settings.population * (settings.generations + 1)):
    trial = study.ask(choices)
    vector = space.vector(trial.params)
    cost = price(vector)
    trial.set_constraint('excess', cost / most_ms - 1)  # met where <= 0
    if cost > most_ms:
      study.tell(trial, [0.0, cost])
      continue
    found = evaluate(vector)
    study.tell(trial, [found.quality, cost])
    if fits(vector) and (best is None or found.quality > best.quality):
      best = found
  assert best is not None  # the first of those that were drawn, at least
  return best
