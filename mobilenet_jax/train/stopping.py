"""SIGTERM, noted: a run stops where nothing is lost."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator


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
