"""Compiles the kernels of this folder, once a machine.

The C++ compiler of the machine is used; where there is none, or the kernels
are not wanted (MOBILENET_JAX_NATIVE=0), XLA's own loops do the work.
"""

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

import jax
import jaxlib

from mobilenet_jax.core.cache import cache_dir
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import make_folder
from mobilenet_jax.core.progress import say

SOURCES = ('conv.cc', 'depthwise.cc', 'norm.cc')
HEADERS = ('activation.h', 'call.h', 'lanes.h')
TARGETS = (
  'conv_forward', 'conv_input_gradient', 'conv_kernel_gradient',
  'depthwise_forward', 'depthwise_input_gradient', 'depthwise_kernel_gradient',
  'norm_activation_forward', 'norm_activation_backward',
)  # fmt: skip
FLAGS = (
  '-std=c++20', '-O3', '-march=native', '-ffp-contract=fast', '-fPIC',
  '-shared', '-w',
)  # fmt: skip
LIMIT_S = 300


@functools.cache
def available() -> bool:
  """Whether the kernels are registered with XLA; the first call compiles."""
  if os.environ.get('MOBILENET_JAX_NATIVE') == '0' or os.name != 'posix':
    return False
  library = _library()
  if library is None:
    return False
  for name in TARGETS:
    handler = jax.ffi.pycapsule(getattr(library, name))
    jax.ffi.register_ffi_target(f'mobilenet_jax.{name}', handler, 'cpu')
  return True


def _library() -> ctypes.CDLL | None:
  """The compiled kernels, or None where they cannot be compiled."""
  compiler = next(
    filter(None, map(shutil.which, ('c++', 'g++', 'clang++'))), ''
  )
  if not compiler:
    return None
  path = cache_dir() / 'native' / f'{_fingerprint(compiler)}.so'
  try:
    if not path.exists():
      say('Compiling kernels for this computer (once; some seconds).')
      _compile(compiler, path)
    return ctypes.CDLL(str(path))
  except (OSError, subprocess.SubprocessError, UserError) as error:
    reason = str(error).splitlines()[0]
    say(f'The kernels for this computer do not compile ({reason}); without.')
    return None


def _compile(compiler: str, path: Path) -> None:
  """Writes the library, whole or not at all."""
  folder = Path(__file__).parent
  with tempfile.TemporaryDirectory(dir=make_folder(path.parent)) as own:
    made = Path(own, path.name)
    subprocess.run(
      [
        compiler,
        *FLAGS,
        f'-I{jax.ffi.include_dir()}',
        *(str(folder / name) for name in SOURCES),
        '-o',
        str(made),
      ],
      check=True,
      capture_output=True,
      timeout=LIMIT_S,
    )
    made.replace(path)


def _fingerprint(compiler: str) -> str:
  """Of all that the library depends on."""
  folder, made = Path(__file__).parent, hashlib.sha256()
  for name in (*SOURCES, *HEADERS):
    made.update((folder / name).read_bytes())
  about = (
    jaxlib.__version__,
    compiler,
    *FLAGS,
    platform.machine(),
    _features(),
  )
  made.update('\n'.join(about).encode())
  return made.hexdigest()[:16]


def _features() -> str:
  """What the processor can do: a cache folder may be shared by machines."""
  info = Path('/proc/cpuinfo')
  if not info.exists():
    return platform.processor()
  lines = info.read_text().splitlines()
  return next((n for n in lines if n.startswith(('flags', 'Features'))), '')
