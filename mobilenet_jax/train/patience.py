"""When a run has stopped getting better."""

from collections.abc import Mapping
from pathlib import Path

from mobilenet_jax.train.metrics import read_metrics


def score(values: Mapping[str, float]) -> tuple[float, ...] | None:
  """What validations are compared by: the first value, of equals the loss; of
  no values None."""
  if not values:
    return None
  return next(iter(values.values())), -values.get('loss', 0.0)


class Patience:
  """Whether the last validations brought nothing better.

  A validation is better if its score is higher, or if it is the same and the
  loss is lower: of few images many validations have one score. All that is
  remembered is in the run's metrics, so that a resumed run decides as one that
  was not interrupted, and one that has stopped does not go on.
  """

  def __init__(self, validations: int, every: int, folder: Path, start: int):
    """Reads what was recorded up to step `start`.

    Args:
      validations: without a better one, that end the run; 0: none do.
      every: steps between two.
      folder: of the run.
      start: step of the checkpoint that the run goes on from.
    """
    self._validations, self._most = validations, validations * every
    self._best: tuple[float, ...] | None = None
    self._best_step = self._last_step = 0
    if validations:
      for row in read_metrics(folder):
        if row['step'] <= start:
          self.see(row['step'], row.get('validation', {}))

  def see(self, step: int, values: Mapping[str, float]) -> None:
    """Takes note of a validation: a score, and what else was recorded; of no
    values, of none."""
    found = score(values)
    if found is None:
      return
    self._last_step = step
    if self._best is None or found > self._best:
      self._best, self._best_step = found, step

  def __call__(self) -> bool:
    """Whether the run ends here."""
    waited = self._last_step - self._best_step
    return bool(self._validations) and waited >= self._most

  def told(self) -> str:
    """A sentence on it, for people."""
    return (
      f'Stopped after step {self._last_step}: no validation since that of step '
      f'{self._best_step} was better.'
    )
