"""Opens a network with all that leads from a picture to names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mobilenet_jax.arch import to_string
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data.batches import eval_image
from mobilenet_jax.data.labels import default_labels, read_labels
from mobilenet_jax.data.preprocess import preprocess
from mobilenet_jax.jobs import trained
from mobilenet_jax.jobs.trainer import network_of
from mobilenet_jax.models.builder import Network
from mobilenet_jax.models.find import find_arch
from mobilenet_jax.models.pretrained import Pretrained, load_pretrained
from mobilenet_jax.models.pretrained.own import NotOurs


@dataclass(frozen=True)
class Predictor:
  """A network with all that leads from a picture to names.

  Attributes:
    network: the module.
    variables: what it is applied with.
    labels: a name a class.
    prepare: uint8 [H, W, C] to float32 [resolution, resolution, C].
  """

  network: Network
  variables: Any
  labels: tuple[str, ...]
  prepare: Callable[[np.ndarray], np.ndarray]


def from_weights(
  model: str,
  weights: str,
  *,
  width: float | None = None,
  labels: str | None = None,
) -> Predictor:
  """The network in a file of weights.

  Args:
    model: what the file is said to hold: a name of the zoo, a spec string or
      an arch.json.
    weights: a .safetensors file that `import-weights` wrote.
    width: of a network of the zoo; 1 where None.
    labels: a file of names; None: those of the weights.

  Raises:
    UserError: the file is broken or holds another network, or the labels do
      not fit.
  """
  try:
    found = open_weights(model, weights, width)
  except NotOurs as error:
    raise UserError(
      f'{weights} was not written by mobilenet-jax; turn it into ours with '
      'mobilenet-jax import-weights.'
    ) from error
  spec = found.spec
  names = read_labels(labels) if labels else found.labels
  return Predictor(
    found.model,
    found.variables,
    _checked(names or default_labels(spec.num_classes), spec.num_classes),
    lambda pixels: preprocess(pixels, spec),
  )


def open_weights(model: str, weights: str, width: float | None) -> Pretrained:
  """What is in a file of our own; arguments as of `from_weights`.

  Raises:
    NotOurs: another library wrote it.
    UserError: the file is broken or holds another network.
  """
  spelled = model.endswith('.json') or '@' in model
  asked = find_arch(model, width) if spelled else None
  name = asked.name if asked else model
  found = load_pretrained(name, 'mobilenet_jax', weights, width=width)
  if asked and asked != found.spec:
    raise UserError(
      f'{weights} holds another network than {model}: {to_string(found.spec)}.'
    )
  return found


def from_run(workdir: str, labels: str | None = None) -> Predictor:
  """The trained network of a run folder; images as it was evaluated on.

  Args:
    workdir: of a train or a search.
    labels: a file of names; None: those of the run's data set.

  Raises:
    UserError: the folder holds no trained network, or the labels are wrong.
  """
  run = trained.open_trained(workdir)
  side, classes = run.spec.resolution, run.spec.num_classes
  if labels:
    names = read_labels(labels)
  else:
    names = trained.test_source(run).class_names
  return Predictor(
    network_of(run.spec, run.config.train),
    run.variables,
    _checked(names, classes),
    lambda pixels: eval_image(pixels, side, run.spec.inputs),
  )


def _checked(names: Sequence[str], classes: int) -> tuple[str, ...]:
  if len(names) != classes:
    raise UserError(f'{len(names)} labels do not name {classes} classes.')
  return tuple(names)
