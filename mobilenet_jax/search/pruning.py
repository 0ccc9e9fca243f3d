"""Who stops the training of a poor network early, by its learning curve."""

from optuna.pruners import BasePruner, MedianPruner, NopPruner

from mobilenet_jax.core.errors import UserError, did_you_mean

PRUNERS = ('', 'median')
STARTUP = 5  # trials that are trained to the end whatever they do


class Pruned(Exception):
  """A network that is not worth going on with."""


def make_pruner(name: str) -> BasePruner:
  """Returns a pruner: nobody, or Optuna's median rule, which stops a network
  whose best value so far is below the median of the others at that step. It
  keeps nothing of its own, so that a resumed search prunes alike.

  Raises:
    UserError: an unknown name.
  """
  if name not in PRUNERS:
    raise UserError(f'Unknown pruner {name!r}.{did_you_mean(name, PRUNERS)}')
  return MedianPruner(n_startup_trials=STARTUP) if name else NopPruner()
