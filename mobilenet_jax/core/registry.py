"""A name-to-thing table whose failed look-up suggests the right name."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from mobilenet_jax.core.errors import UserError, did_you_mean

T = TypeVar('T')


class Registry(Generic[T]):
  """Things by name; `kind` ('model', 'loss', ...) is used in errors."""

  def __init__(self, kind: str):
    self.kind = kind
    self._things: dict[str, T] = {}

  def register(self, name: str) -> Callable[[T], T]:
    """Returns a decorator that files its argument under `name`."""

    def add(thing: T) -> T:
      if name in self._things:
        raise KeyError(f'{self.kind} {name!r} is registered twice')
      self._things[name] = thing
      return thing

    return add

  def __getitem__(self, name: str) -> T:
    if not isinstance(name, str) or name not in self._things:
      hint = did_you_mean(str(name), self._things)
      raise UserError(f'Unknown {self.kind} {name!r}.{hint}')
    return self._things[name]

  def __iter__(self) -> Iterator[str]:
    return iter(self._things)
