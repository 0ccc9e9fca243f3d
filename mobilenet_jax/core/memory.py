"""How this process gets its memory from the system.

XLA on CPU asks for all activations of a training step as one block and gives
it back at the end, so that Linux zeroes and maps tens of thousands of pages of
4 KiB each step: a fifth of the time of MobileNetV3-Large's on two cores
(experiments/speed). In pages of 2 MiB it is a hundred times fewer.
"""

import os
import sys

VARIABLE, VALUE = 'GLIBC_TUNABLES', 'glibc.malloc.hugetlb=1'
SINCE = (2, 35)  # of glibc


def use_huge_pages() -> None:
  """Starts this program again, once, with memory in huge pages.

  glibc reads its settings before a program begins. Who has set GLIBC_TUNABLES
  keeps what is set; programs that this one starts get no settings from here.
  """
  if os.environ.get(VARIABLE) == VALUE:
    del os.environ[VARIABLE]
  elif VARIABLE not in os.environ and glibc() >= SINCE:
    arguments = [sys.executable, *sys.orig_argv[1:]]
    os.execve(sys.executable, arguments, {**os.environ, VARIABLE: VALUE})


def glibc() -> tuple[int, ...]:
  """The version of the C library; (0,) where it is another."""
  if not sys.platform.startswith('linux'):
    return (0,)
  try:
    name, version = (os.confstr('CS_GNU_LIBC_VERSION') or ' ').split(' ')
    return tuple(map(int, version.split('.'))) if name == 'glibc' else (0,)
  except (ValueError, OSError):
    return (0,)
