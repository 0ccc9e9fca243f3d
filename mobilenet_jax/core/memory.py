"""How this process gets its memory from the system.

XLA on CPU asks for all activations of a training step as one block and gives
it back at the end, so that Linux zeroes and maps tens of thousands of pages of
4 KiB each step: a fifth of the time of MobileNetV3-Large's on two cores
(experiments/speed). In pages of 2 MiB it is a hundred times fewer.
"""

import contextlib
import os
import sys

VARIABLE, VALUE = 'GLIBC_TUNABLES', 'glibc.malloc.hugetlb=1'
MARK = 'MOBILENET_JAX_STARTED_AGAIN'  # for the new program alone
SINCE = (2, 35)  # of glibc


def use_huge_pages() -> None:
  """Starts this program again, once, with memory in huge pages.

  glibc reads its settings before a program begins. Who has set GLIBC_TUNABLES
  keeps what is set; programs that this one starts get no settings from here.
  Nothing happens where the program cannot begin anew: under a debugger, or
  read from standard input.
  """
  if os.environ.pop(MARK, None):
    os.environ.pop(VARIABLE, None)
    return
  if VARIABLE in os.environ or glibc() < SINCE or not _repeatable():
    return
  arguments = [sys.executable, *sys.orig_argv[1:]]
  sys.stdout.flush()
  sys.stderr.flush()
  with contextlib.suppress(OSError):  # then without
    environment = {**os.environ, VARIABLE: VALUE, MARK: '1'}
    os.execve(sys.executable, arguments, environment)


def _repeatable() -> bool:
  """Whether the command line that began this program begins it again."""
  read = '-' in sys.orig_argv[1:2] or len(sys.orig_argv) < 2
  return bool(sys.executable) and not read and sys.gettrace() is None


def glibc() -> tuple[int, ...]:
  """The version of the C library; (0,) where it is another."""
  if not sys.platform.startswith('linux'):
    return (0,)
  try:
    name, version = (os.confstr('CS_GNU_LIBC_VERSION') or ' ').split(' ')
    return tuple(map(int, version.split('.'))) if name == 'glibc' else (0,)
  except (ValueError, OSError):
    return (0,)
