"""Fields of block specs: each knows its code in a spec string and its range."""

import dataclasses
from typing import Any

ACTIVATIONS = {
  'relu': 're',
  'relu6': 'r6',
  'hard_swish': 'hs',
  'swish': 'sw',
  'gelu': 'ge',
  'linear': 'li',
}  # the name in a spec: the code in a spec string
GATES = {'hard_sigmoid': 'gh', 'sigmoid': 'gs'}  # the same


def coded(
  code: str,
  default: Any = dataclasses.MISSING,
  *,
  least: float = 1,
  most: float = 65536,
) -> Any:
  """A number: written as its code and value, left out at its default."""
  metadata = {'code': code, 'least': least, 'most': most}
  return dataclasses.field(default=default, metadata=metadata)


def flag(word: str, default: bool) -> Any:
  """A truth value: its word is written where it is not the default."""
  return dataclasses.field(default=default, metadata={'word': word})


def named(words: dict[str, str], default: str, *, always: bool = False) -> Any:
  """One of several names: its code is written; `always`, default or not."""
  metadata = {'words': words, 'always': always}
  return dataclasses.field(default=default, metadata=metadata)


def activation(default: str = 'relu') -> Any:
  """An activation, always written."""
  return named(ACTIVATIONS, default, always=True)
