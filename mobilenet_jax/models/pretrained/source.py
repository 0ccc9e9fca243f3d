"""What there is to know of a library whose weights are imported. No JAX."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from mobilenet_jax.arch import (
  ArchSpec,
  Block,
  Inputs,
  Padding,
  block_name,
  layers,
)
from mobilenet_jax.arch.inputs import TENSORFLOW
from mobilenet_jax.core.errors import UserError, did_you_mean

Slot = tuple[str, str]  # where a layer's kernel and its norm are; '' is none
Slots = list[Slot]  # one a layer, in the order of `arch.layers`


@dataclass(frozen=True)
class Dialect:
  """How a library calls the tensors of a layer.

  Attributes:
    kernel, depthwise, bias: what follows the first part of a `Slot`.
    scale, shift, mean, var: what follows the second, of batch norm.
    vector: what follows the first, of a layer scale.
    torch: whether kernels are [out, in, height, width] and dense ones
      [out, in], else [height, width, in, out] and [in, out].
  """

  kernel: str
  depthwise: str
  bias: str
  scale: str
  shift: str
  mean: str
  var: str
  vector: str = ''
  torch: bool = False


TORCH = Dialect(
  '.weight', '.weight', '.bias', '.weight', '.bias', '.running_mean',
  '.running_var', '.gamma', torch=True,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Variant:
  """A network as a library has it.

  Attributes:
    name: of the zoo.
    slots: the names of its tensors, given its spec.
    width: its width multiplier; None where the library has it at any width.
    padding, norm_epsilon, inputs: the library's conventions.
    resolution: in pixels, where it is not the zoo's.
    change: what is different in it from the network of the zoo.
  """

  name: str
  slots: Callable[[ArchSpec], Slots]
  width: float | None = 1.0
  padding: Padding
  norm_epsilon: float
  inputs: Inputs
  resolution: int | None = None
  change: Callable[[ArchSpec], ArchSpec] = lambda spec: spec


def of_tensorflow(name: str, slots: Callable[[ArchSpec], Slots]) -> Variant:
  """A network with the conventions of TensorFlow's authors, at any width."""
  return Variant(
    name=name,
    slots=slots,
    width=None,
    padding='same',
    norm_epsilon=1e-3,
    inputs=TENSORFLOW,
  )


@dataclass(frozen=True, kw_only=True)
class Source:
  """A library.

  Attributes:
    models: its networks, by its own names.
    dialect: of its tensors.
    ignored: a regular expression of the names of tensors to pass over.
    settle: changes a spec by the JSON files beside the weights and by the
      name of the file; (spec, settings, file name) -> spec.
    prepare: changes the tensors before they are fitted.
    beside: the JSON files that `settings` are of, as ('config',).
    called: finds a network's name in those files; (settings) -> name or ''.
    width_of: and its width multiplier; (settings) -> width or None.
  """

  models: dict[str, Variant]
  dialect: Dialect
  ignored: str = r'.*\.num_batches_tracked'
  settle: Callable[[ArchSpec, dict[str, Any], str], ArchSpec] = field(
    default=lambda spec, settings, file: spec
  )
  prepare: Callable[[dict[str, Any]], dict[str, Any]] = lambda tensors: tensors
  beside: tuple[str, ...] = ()
  called: Callable[[dict[str, Any]], str] = lambda settings: ''
  width_of: Callable[[dict[str, Any]], float | None] = lambda settings: None


def parts(spec: ArchSpec) -> Iterator[tuple[Block, list[str]]]:
  """Yields every block that has layers, with the names of these inside it."""
  names: dict[str, list[str]] = {}
  for layer in layers(spec):
    scope, _, name = layer.name.partition('/')
    names.setdefault(scope, []).append(name)
  for i, block in enumerate(spec.blocks):
    if block_name(i) in names:
      yield block, names[block_name(i)]


def channels(values: Any) -> tuple[float, float, float]:
  """Three numbers of a settings file; raises what `float` raises."""
  red, green, blue = map(float, values)
  return red, green, blue


def find_variant(
  source: str,
  models: dict[str, Variant],
  name: str,
  width: float | None,
  said: str,
  guess: str,
) -> tuple[str, Variant]:
  """Returns the library's name of a network, and the network.

  Args:
    source: the library.
    models: its networks.
    name: in the zoo or in the library.
    width: multiplier; None is what the names say, else 1.
    said: the library's name of what a file holds, where that is known.
    guess: the same by the name of the file, which may mislead.

  Raises:
    UserError: the library has no such network, or two that look alike.
  """
  if name in models:
    found = [name]
    own = models[name].width
    if own and width not in (None, own):
      raise UserError(f'{name} of {source} has width {own:g}, not {width:g}.')
  else:
    found = _candidates(source, models, name, width, said or guess)
  if said and said not in found:
    raise UserError(f'The file holds {said} of {source}, not {name}.')
  for known in (said, guess):
    if known in found:
      found = [known]
  if len(found) > 1:
    raise UserError(
      f'{name} of {source} is one of {", ".join(found)}, whose files look '
      'alike but mean other networks; give that name instead.'
    )
  return found[0], models[found[0]]


def _candidates(
  source: str,
  models: dict[str, Variant],
  name: str,
  width: float | None,
  known: str,
) -> list[str]:
  """The library's names of a network of the zoo."""
  same = {key: made for key, made in models.items() if made.name == name}
  if not same:
    names = {*models, *(made.name for made in models.values())}
    raise UserError(f'{source} has no {name!r}.{did_you_mean(name, names)}')
  if width is None and known in same:
    return [known]
  wanted = 1.0 if width is None else width
  found = [key for key, made in same.items() if made.width in (None, wanted)]
  if not found:
    widths = sorted({made.width or 1.0 for made in same.values()})
    raise UserError(
      f'{source} has {name} at width {", ".join(f"{w:g}" for w in widths)}, '
      f'not {wanted:g}, which its rules make another network or none.'
    )
  return found
