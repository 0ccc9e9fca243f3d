"""What can be evaluated: the network of a run folder, or a file of weights.

A .tflite is opened in `jobs.tflite_subject`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mobilenet_jax.arch.inputs import Inputs
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.data.labels import read_labels
from mobilenet_jax.jobs import predictor, trained
from mobilenet_jax.jobs.splits import known_classes
from mobilenet_jax.jobs.trainer import network_of
from mobilenet_jax.models.builder import Network
from mobilenet_jax.models.pretrained import load_pretrained
from mobilenet_jax.models.pretrained.own import NotOurs
from mobilenet_jax.models.pretrained.sources import LIBRARIES, OWN
from mobilenet_jax.tasks.classification import predict_fn

UNFINISHED = 'The run has not finished training: this is its checkpoint.'


@dataclass(frozen=True)
class Subject:
  """A classifier and how it wants its images.

  Attributes:
    name: of the network.
    resolution, inputs: of its images.
    classes: K, how many numbers it answers with.
    labels: their names; none where they are not known.
    logits: float32 [N, resolution, resolution, 3] to float32 [N, K].
    data: the `data` part of the config of its run, if it has one.
    notes: what a reader of the result should know, as sentences.
  """

  name: str
  resolution: int
  inputs: Inputs
  classes: int
  labels: tuple[str, ...]
  logits: Callable[[np.ndarray], np.ndarray]
  data: Any = None
  notes: tuple[str, ...] = ()


def from_run(workdir: str, labels: str | None = None) -> Subject:
  """The trained network of a run folder; of one that is not finished, that of
  its checkpoint.

  Args:
    workdir: of a train or a search.
    labels: a file of names of its classes; None: those of the run's data.

  Raises:
    UserError: the folder holds no trained network.
  """
  run = trained.open_trained(workdir, unfinished=True)
  names = run_labels(workdir, labels)
  network = network_of(run.spec, run.config.train)
  notes = () if run.finished else (UNFINISHED,)
  return _subject(network, run.variables, names, run.config.data, notes)


def run_labels(workdir: str, labels: str | None) -> tuple[str, ...]:
  """Names of a run's classes, or those in the user's file."""
  return read_labels(labels) if labels else known_classes(Path(workdir))


def from_weights(
  model: str,
  weights: str,
  *,
  source: str | None = None,
  width: float | None = None,
  labels: str | None = None,
) -> Subject:
  """The network in a file of weights.

  Args:
    model: a name of the zoo, or the library's; of our own files also a spec
      string or an arch.json.
    weights: the file, see `load_pretrained`.
    source: the library that wrote it; None: this one.
    width: multiplier.
    labels: a file of names of its classes; None: those of the weights.

  Raises:
    UserError: the file is broken or holds another network.
  """
  if source in (None, OWN):
    try:
      own = predictor.open_weights(model, weights, width)
    except NotOurs as error:
      raise UserError(
        f'{weights} was not written by mobilenet-jax; name the library that '
        f'wrote it by --source={"|".join(LIBRARIES)}.'
      ) from error
  else:
    own = load_pretrained(model, source, weights, width=width)
  names = read_labels(labels) if labels else own.labels
  return _subject(own.model, own.variables, tuple(names))


def _subject(
  network: Network,
  variables: Any,
  labels: tuple[str, ...],
  data: Any = None,
  notes: tuple[str, ...] = (),
) -> Subject:
  spec = network.spec
  check_input(spec.name, spec.in_channels)
  check_labels(labels, spec.num_classes)
  predict = predict_fn(network)
  return Subject(
    spec.name,
    spec.resolution,
    spec.inputs,
    spec.num_classes,
    labels,
    lambda images: np.asarray(predict(variables, images), np.float32),
    data,
    notes,
  )


def check_input(name: str, channels: int) -> None:
  """Raises a `UserError` where a network takes no colour images."""
  if channels != 3:
    raise UserError(
      f'{name} takes images of {channels} channels; networks are evaluated on '
      'three (red, green and blue; grey is shown as such).'
    )


def check_labels(labels: tuple[str, ...], classes: int) -> None:
  """Raises a `UserError` where there are labels, but not one a class."""
  if labels and len(labels) != classes:
    raise UserError(f'{len(labels)} labels do not name {classes} classes.')
