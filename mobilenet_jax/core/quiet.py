"""Keeps C++ libraries' start-up chatter off the terminal."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
  """Sends file descriptor 2 to a file; shows it if the code inside raises."""
  sys.stderr.flush()
  saved = os.dup(2)
  with tempfile.TemporaryFile() as sink:
    os.dup2(sink.fileno(), 2)
    try:
      yield
    except BaseException:
      sink.seek(0)
      os.write(saved, sink.read())
      raise
    finally:
      os.dup2(saved, 2)
      os.close(saved)
