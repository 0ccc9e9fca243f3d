"""What every instrument is: something that can time blocks."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from mobilenet_jax.core.errors import JobError
from mobilenet_jax.core.progress import Progress
from mobilenet_jax.latency.key import BlockKey
from mobilenet_jax.latency.timing import Timing


class Untimeable(JobError):
  """A block that the device cannot run; the others go on.

  Attributes:
    key: of the block.
  """

  def __init__(self, key: BlockKey, reason: str):
    super().__init__(f'"{key}": {reason}.')
    self.key = key


class Instrument(Protocol):
  """A device under fixed conditions.

  Attributes:
    dtype: of the arithmetic that it times.
    seconds_a_block: about how long one takes, all in all.
    build: makes what `time` takes of a block; runs in worker processes and
      must be a function of a module. None where `time` wants keys only.
  """

  seconds_a_block: ClassVar[float]
  build: ClassVar[Callable[[BlockKey], bytes] | None]

  @property
  def dtype(self) -> str: ...

  def provenance(self) -> dict[str, Any]:
    """What a table measured with it must say of itself.

    All but 'date' are conditions: blocks of equal conditions make one table.
    """
    ...

  def state(self) -> dict[str, Any]:
    """What a table records beside its conditions: what was found just now."""
    ...

  def time(
    self,
    wanted: Sequence[BlockKey],
    models: Sequence[bytes],
    reference: bytes,
    usual_ms: float | None,
    bar: Progress,
  ) -> tuple[dict[BlockKey, Timing], float | None]:
    """Times some blocks.

    Args:
      wanted: what `models` are.
      models: what `build` made; empty where there is no `build`.
      reference: the same of the block `speed.REFERENCE`.
      usual_ms: its usual time; None sets it.
      bar: to be advanced by every block.

    Returns:
      Their timings, and the reference block's usual time.

    Raises:
      Untimeable: a block cannot be run.
      JobError: the device is lost, or too unsteady.
    """
    ...


def other_condition(
  known: Mapping[str, Any], here: Mapping[str, Any]
) -> str | None:
  """The first condition in which a table is not of an instrument's.

  Args:
    known: provenance of the table, which may say more than the conditions.
    here: that of the instrument.
  """
  return next(
    (k for k, v in here.items() if k != 'date' and known.get(k) != v), None
  )
