"""From a library's tensors to our variables: all of them, or none."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mobilenet_jax.arch import ArchSpec, Flatten, Layer, block_name, layers
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.models.pretrained.source import Dialect, Slots

Path = tuple[str, ...]
Shape = tuple[int, ...]
SHOWN = 3  # names of tensors in an error


@dataclass(frozen=True)
class Wanted:
  """A tensor that a network needs.

  Attributes:
    path: of ours among the variables.
    key: its name in the file.
    shapes: those that it may have there.
    arrange: turns it into ours.
  """

  path: Path
  key: str
  shapes: tuple[Shape, ...]
  arrange: Callable[[np.ndarray], np.ndarray] = lambda array: array


def wanted(spec: ArchSpec, slots: Slots, dialect: Dialect) -> list[Wanted]:
  """Returns every tensor of a network, by a library's names of its layers."""
  sides = {
    block_name(i + 1): block.size
    for i, block in enumerate(spec.blocks)
    if isinstance(block, Flatten)
  }
  found: list[Wanted] = []
  for layer, slot in zip(layers(spec), slots, strict=True):
    found += _of_layer(layer, *slot, dialect, sides.get(layer.name, 1))
  return found


def _of_layer(
  layer: Layer, kernel: str, norm: str, dialect: Dialect, side: int
) -> list[Wanted]:
  names = layer.name.split('/')
  inside = [*names, layer.weight] if layer.weight else names
  vector = (layer.out_channels,)
  found = []
  if layer.weights:
    depthwise = 1 < layer.groups == layer.in_channels == layer.out_channels
    key = kernel + (dialect.depthwise if depthwise else dialect.kernel)
    shapes, arrange = _kernel(layer, dialect.torch, side, depthwise)
    found.append(Wanted(('params', *inside, 'kernel'), key, shapes, arrange))
  if layer.bias:
    key = kernel + (dialect.bias if layer.weights else dialect.vector)
    found.append(Wanted(('params', *inside, 'bias'), key, (vector,)))
  if layer.norm:
    for kind, leaf, suffix in (
      ('params', 'scale', dialect.scale),
      ('params', 'bias', dialect.shift),
      ('batch_stats', 'mean', dialect.mean),
      ('batch_stats', 'var', dialect.var),
    ):
      path = (kind, *names, 'norm', leaf)
      found.append(Wanted(path, norm + suffix, (vector,)))
  return found


def _kernel(
  layer: Layer, torch: bool, side: int, depthwise: bool
) -> tuple[tuple[Shape, ...], Callable[[np.ndarray], np.ndarray]]:
  """The shapes that a kernel may have, and how it becomes ours."""
  cin, out, k = layer.in_channels, layer.out_channels, layer.kernel
  if layer.weight == 'dense':
    if not torch:
      return ((cin, out), (1, 1, cin, out)), lambda a: a.reshape(cin, out)

    def dense(array: np.ndarray) -> np.ndarray:
      # torch flattens [C, H, W], we [H, W, C]
      square = array.reshape(out, -1, side, side)
      return square.transpose(2, 3, 1, 0).reshape(cin, out)

    return ((out, cin), (out, cin, 1, 1)), dense
  if torch:
    shape = (out, cin // layer.groups, k, k)
    return (shape,), lambda a: a.transpose(2, 3, 1, 0)
  if depthwise:
    return ((k, k, cin, 1),), lambda a: a.swapaxes(2, 3)
  return ((k, k, cin // layer.groups, out),), lambda a: a


def fit(
  tensors: dict[str, np.ndarray],
  needed: list[Wanted],
  *,
  ignored: str = '',
  shown: dict[str, str] | None = None,
  what: str,
) -> dict[str, Any]:
  """Returns the variables, nested, in float32.

  Args:
    tensors: of the file, by name.
    needed: what the network needs.
    ignored: a regular expression of names to pass over.
    shown: other names for people, of some of the tensors.
    what: 'FILE is not NAME of SOURCE', for the error.

  Raises:
    UserError: a tensor is missing, too much, or has another shape.
  """
  found = faults(tensors, needed, ignored, shown or {})
  if found:
    raise UserError(f'{what}: {"; ".join(found)}.')
  variables: dict[str, Any] = {}
  for one in needed:
    *scopes, leaf = one.path
    home = variables
    for scope in scopes:
      home = home.setdefault(scope, {})
    array = tensors[one.key].astype(np.float32)
    home[leaf] = np.ascontiguousarray(one.arrange(array))
  return variables


def faults(
  tensors: dict[str, np.ndarray],
  needed: list[Wanted],
  ignored: str,
  shown: dict[str, str],
) -> list[str]:
  """What does not fit, by the first names; nothing where all fits."""
  keys = {one.key for one in needed}
  missing = [one.key for one in needed if one.key not in tensors]
  extra = [
    shown.get(key, key)
    for key in tensors
    if key not in keys and not re.fullmatch(ignored, key)
  ]
  wrong = [
    f'{shown.get(one.key, one.key)} is {_told(tensors[one.key])} instead of '
    f'{one.shapes[0]}'
    for one in needed
    if one.key in tensors and not _fits(tensors[one.key], one)
  ]
  rows = (('without ', missing), ('with ', extra), ('', wrong))
  return [word + _few(names) for word, names in rows if names]


def is_float(dtype: np.dtype) -> bool:
  """Whether numbers are floating point, bfloat16 too."""
  return dtype.kind == 'f' or dtype.name == 'bfloat16'


def _fits(array: np.ndarray, one: Wanted) -> bool:
  return array.shape in one.shapes and is_float(array.dtype)


def _told(array: np.ndarray) -> str:
  return f'{array.shape}' + ('' if is_float(array.dtype) else f' {array.dtype}')


def _few(names: list[str]) -> str:
  more = len(names) - SHOWN
  return ', '.join(names[:SHOWN]) + (f' and {more} more' if more > 0 else '')
