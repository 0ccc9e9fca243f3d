"""Ends the processes of a job when one of them is gone.

JAX's runtime notices after 100 seconds, and then aborts with a stack trace.
Here every process holds a connection to process 0: the system closes it
when a process ends, however that comes about, and keepalive tells of a
computer that is gone. Who ends of itself says so first.
"""

import contextlib
import hmac
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Iterator

from mobilenet_jax.core import processes
from mobilenet_jax.core.errors import JobError, Terminated

DONE, FAILED = b'.', b'!'  # said by who ends in order, or by an error
TOKEN = 16  # bytes: strangers who connect do not count
GRACE = 1.0  # seconds for a process with the same error to tell it
CONNECT = 30.0  # seconds
KEEPALIVE = {'TCP_KEEPIDLE': 20, 'TCP_KEEPINTVL': 5, 'TCP_KEEPCNT': 4}


@contextlib.contextmanager
def lifeline(host: str) -> Iterator[None]:
  """Ends this process with status 1 and a sentence when another one is gone.

  All processes of a job enter and leave it. If what is done inside raises
  anything but Terminated in one of them, the others end, too.

  Args:
    host: a name of this computer, if this is process 0.
  """
  connections = _Connections()
  if processes.is_first():
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    server = socket.create_server(('', 0), family=family, dualstack_ipv6=both)
    token = secrets.token_hex(TOKEN)
    threading.Thread(
      target=connections.accept, args=(server, token), daemon=True
    ).start()
    processes.share([host, server.getsockname()[1], token])
  else:
    host, port, token = processes.share(None)[0]
    connections.connect(host, port, token)
  try:
    yield
  except Terminated:
    connections.end(DONE)
    raise
  except BaseException as error:
    if isinstance(error, RuntimeError) and not isinstance(error, JobError):
      # JAX's, of a process that is gone: a listener is about to tell so
      time.sleep(GRACE)
    connections.end(FAILED)
    if processes.is_first():  # JAX aborts those whose process 0 is gone
      time.sleep(GRACE)
    raise
  connections.end(DONE)


class _Connections:
  """Those of one process; each is listened to by a thread."""

  def __init__(self) -> None:
    self._sockets: list[socket.socket] = []
    self._ended = False

  def accept(self, server: socket.socket, token: str) -> None:
    """Lets the other processes in, who know the token."""
    with server:
      while len(self._sockets) < processes.count() - 1:
        line, _ = server.accept()
        line.settimeout(CONNECT)
        with contextlib.suppress(OSError, ValueError):
          said = _receive(line, 2 * TOKEN + 8).decode('ascii')
          if hmac.compare_digest(said[:-8].encode(), token.encode()):
            self._listen(line, int(said[-8:]))
            continue
        line.close()

  def connect(self, host: str, port: int, token: str) -> None:
    """Connects with process 0; where that is not possible, JAX's own
    heartbeat must do."""
    try:
      line = socket.create_connection((host, port), CONNECT)
      line.sendall(f'{token}{processes.index():08}'.encode())
    except OSError:
      return
    self._listen(line, 0)

  def end(self, how: bytes) -> None:
    """Says how this process ends, and is not ended by others any more."""
    self._ended = True
    for line in self._sockets:
      with contextlib.suppress(OSError):
        line.sendall(how)

  def _listen(self, line: socket.socket, of: int) -> None:
    line.settimeout(None)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE.items():
      if hasattr(socket, name):
        line.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    self._sockets.append(line)
    threading.Thread(target=self._hear, args=(line, of), daemon=True).start()

  def _hear(self, line: socket.socket, of: int) -> None:
    try:
      said = line.recv(1)
    except OSError:
      said = b''
    if said == FAILED:
      time.sleep(GRACE / 2)
    if said == DONE or self._ended:
      return
    print(
      f'mobilenet-jax: process {of} of this job has ended, so process '
      f'{processes.index()} ends, too; the same command resumes from the last '
      'checkpoint.',
      file=sys.stderr,
      flush=True,
    )
    os._exit(1)


def _receive(line: socket.socket, size: int) -> bytes:
  got = b''
  while len(got) < size:
    more = line.recv(size - len(got))
    if not more:
      raise OSError('closed')
    got += more
  return got
