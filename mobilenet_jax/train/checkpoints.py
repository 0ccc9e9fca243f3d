"""Checkpoints of a tree of arrays: the one file that knows orbax."""

from pathlib import Path
from typing import Any

import jax
from orbax.checkpoint import v1 as ocp

from mobilenet_jax.core.errors import UserError

KEEP = 2


class Checkpoints:
  """Numbered checkpoints under a folder; the last few are kept.

  A checkpoint is there whole or not at all, whenever the program is killed.
  """

  def __init__(self, folder: Path):
    policy = ocp.training.preservation_policies.LatestN(KEEP)
    self._checkpointer = ocp.training.Checkpointer(
      str(folder.absolute()),
      preservation_policy=policy,  # pyrefly: ignore[bad-argument-type]
      cleanup_tmp_directories=True,
    )

  def save(self, step: int, state: Any) -> None:
    """Saves a tree of arrays as of `step`."""
    self._checkpointer.save(step, state, force=True, overwrite=True)

  def latest_step(self) -> int | None:
    """Step of the newest checkpoint, or None."""
    latest = self._checkpointer.latest
    return None if latest is None else latest.step

  def restore(self, like: Any, step: int | None = None) -> Any:
    """Returns the newest checkpoint (or that of `step`).

    Args:
      like: a tree of arrays or shapes of the same structure.

    Raises:
      UserError: there is none, or it holds another structure.
    """
    if self.latest_step() is None:
      raise UserError(f'No checkpoint in {self._checkpointer.directory}.')
    abstract = jax.tree.map(
      lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=_sharding(x)),
      like,
    )
    try:
      return self._checkpointer.load(step, abstract)
    except (KeyError, ValueError) as error:
      raise UserError(
        f'The checkpoint in {self._checkpointer.directory} is damaged or that '
        'of another network or optimizer.'
      ) from error

  def close(self) -> None:
    """Waits for the last save."""
    self._checkpointer.close()


def _sharding(x: Any) -> Any:
  found = getattr(x, 'sharding', None)
  return found or jax.sharding.SingleDeviceSharding(jax.devices()[0])
