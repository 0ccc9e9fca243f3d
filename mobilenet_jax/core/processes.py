"""The processes of one job: which one this is, and how they agree.

JAX's runtime connects them (`core.distributed`); alone, all of this is free.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

from mobilenet_jax.core.errors import UserError


def index() -> int:
  """Which process this is, from 0; the first one writes and speaks."""
  return _jax().process_index() if _connected() else 0


def count() -> int:
  """How many processes the job has."""
  return _jax().process_count() if _connected() else 1


def is_first() -> bool:
  """Whether this is the process that writes and speaks."""
  return index() == 0


def share(value: Any) -> list[Any]:
  """Every process's value, in their order; all of them must call it.

  Args:
    value: what JSON can hold.
  """
  if count() == 1:
    return [value]
  import numpy as np
  from jax.experimental import multihost_utils

  text = np.frombuffer(json.dumps(value).encode(), np.uint8)
  sizes = multihost_utils.process_allgather(np.int32(len(text)))
  # a power of two: every length would be compiled for itself
  room = 1 << int(sizes.max()).bit_length()
  padded = np.pad(text, (0, room - len(text)))
  rows = multihost_utils.process_allgather(padded)
  return [
    json.loads(row[:size].tobytes())
    for row, size in zip(rows, sizes, strict=True)
  ]


def from_first(make: Callable[[], Any]) -> Any:
  """What `make` gives in the first process, which alone calls it.

  Args:
    make: gives what JSON can hold.

  Raises:
    UserError: in every process, the one that `make` raises in the first.
  """
  if count() == 1:
    return make()
  made: dict[str, Any] = {}
  if is_first():
    try:
      made = {'value': make()}
    except UserError as error:
      made = {'error': str(error)}
  first = share(made)[0]
  if 'error' in first:
    raise UserError(first['error'])
  return first['value']


def _connected() -> bool:
  """Whether JAX's runtime connects several processes; without it JAX may not
  even be imported here."""
  return 'jax' in sys.modules and _jax().distributed.is_initialized()


def _jax() -> Any:
  import jax

  return jax
