"""SIGTERM, noted: a run stops where nothing is lost.

Of many processes all stop after the same step, whichever of them SIGTERM has
come to: JAX's preemption service agrees on it.
"""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

from jax.experimental.multihost_utils import reached_preemption_sync_point

from mobilenet_jax.core import processes


@contextlib.contextmanager
def stopping() -> Iterator[Callable[[int], bool]]:
  """Keeps SIGTERM from ending the process; yields (step) -> whether the run is
  to stop after it, to be asked after every step."""
  if processes.count() > 1:
    yield reached_preemption_sync_point
    return
  with sigterm_noted() as came:
    yield lambda step: came()


@contextlib.contextmanager
def sigterm_noted() -> Iterator[Callable[[], bool]]:
  """Keeps SIGTERM from ending the process; yields whether it has come.

  Signals reach the main thread alone: in another one nothing is noted.
  """
  if threading.current_thread() is not threading.main_thread():
    yield lambda: False
    return
  came = threading.Event()
  before = signal.signal(signal.SIGTERM, lambda *_: came.set())
  try:
    yield came.is_set
  finally:
    signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
