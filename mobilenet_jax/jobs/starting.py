"""What a training starts with: weights that are there, with a new head."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict

from mobilenet_jax.arch import ArchSpec, block_name, check, to_string
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.models.builder import build
from mobilenet_jax.models.find import find_arch
from mobilenet_jax.models.pretrained import load_pretrained
from mobilenet_jax.models.pretrained.own import NotOurs
from mobilenet_jax.models.pretrained.sources import LIBRARIES, OWN
from mobilenet_jax.models.registry import list_models
from mobilenet_jax.tasks.classification import init_variables
from mobilenet_jax.tasks.finetuning import head_index


@dataclass(frozen=True)
class Start:
  """A network to go on training.

  Attributes:
    spec: with the conventions of the weights, and the wanted head.
    variables: all of them.
    weights: where they come from.
    taken, fresh: how many tensors come from there, and how many are new.
  """

  spec: ArchSpec
  variables: dict[str, Any]
  weights: str
  taken: int
  fresh: int

  def record(self) -> dict[str, Any]:
    """What `result.json` holds of it."""
    return {'weights': self.weights, 'taken': self.taken, 'fresh': self.fresh}

  def told(self) -> str:
    """A sentence on it, for people."""
    head = block_name(head_index(self.spec))
    return (
      f'{self.taken} tensors of {self.spec.name} taken from {self.weights}; '
      f'its head, {head}, is new: {self.fresh} tensors for '
      f'{self.spec.num_classes} classes.'
    )


def open_start(model: Any, classes: int, seed: int) -> Start:
  """Opens the weights that a config names, and puts a new head on them.

  Args:
    model: the `model` part of a config: `weights`, a file, a hub name or a run
      folder; `source`, the library that wrote the file; `name` and `width`,
      what it holds; `resolution` to go on with, 0 for its own.
    classes: of the new head.
    seed: of its weights.

  Raises:
    UserError: the weights are missing, broken or of another network.
  """
  spec, found = loaded(model)
  spec = with_classes(spec, classes)
  if model.resolution:
    spec = check(spec.replace(resolution=model.resolution))
  fresh: dict[Any, Any] = flatten_dict(init_variables(build(spec), seed))
  theirs: dict[Any, Any] = flatten_dict(found)
  head = block_name(head_index(spec))
  made = {  # no tensor's shape depends on the resolution
    path: leaf if path[1] == head else theirs[path]
    for path, leaf in fresh.items()
  }
  new = sum(path[1] == head for path in fresh)
  variables = jax.tree.map(jnp.asarray, unflatten_dict(made))
  return Start(spec, variables, model.weights, len(made) - new, new)


def with_classes(spec: ArchSpec, classes: int) -> ArchSpec:
  """The network with a head for so many classes, none of them background."""
  blocks: list[Any] = list(spec.blocks)
  index = head_index(spec)
  blocks[index] = dataclasses.replace(blocks[index], channels=classes)
  return check(spec.replace(blocks=tuple(blocks), background=False))


def loaded(model: Any) -> tuple[ArchSpec, Any]:
  """The network of the weights that a config names, and its variables.

  Args:
    model: see `open_start`.

  Raises:
    UserError: the weights are missing, broken or of another network.
  """
  if (Path(model.weights) / 'env.json').exists():  # a run folder
    # it imports jobs.trainer, which imports this
    from mobilenet_jax.jobs.trained import open_trained

    trained = open_trained(model.weights)
    _check_same(trained.spec, model)
    return trained.spec, trained.variables
  spelled = model.name.endswith('.json') or '@' in model.name
  name = find_arch(model.name).name if spelled else model.name
  width = None if spelled or model.width == 1 else model.width
  try:
    found = load_pretrained(name, model.source, model.weights, width=width)
  except NotOurs as error:
    raise UserError(
      f'{model.weights} was not written by mobilenet-jax; name the library '
      f'that wrote it with --config.model.source={"|".join(LIBRARIES)}.'
    ) from error
  if spelled and model.source == OWN:
    _check_same(found.spec, model)
  return found.spec, found.variables


def _check_same(spec: ArchSpec, model: Any) -> None:
  """Refuses weights of another network than the one that is named: of the
  zoo by its name, of a spec by the blocks before and after the head."""
  asked = find_arch(model.name, None if model.width == 1 else model.width)
  if model.name not in list_models():
    same = _body(asked) == _body(spec)
  else:
    same = asked.name == spec.name
  if not same:
    raise UserError(
      f'{model.weights} holds another network than {model.name}: '
      f'{to_string(spec)}.'
    )


def _body(spec: ArchSpec) -> Any:
  """What a network is but for its head: whose weights fit into it."""
  index = head_index(spec)
  blocks = spec.blocks[:index] + spec.blocks[index + 1 :]
  return spec.in_channels, blocks
