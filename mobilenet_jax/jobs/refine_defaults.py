"""What the config of a refinement is where nobody says another."""

from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.jobs.recipes import digits_config
from mobilenet_jax.jobs.splits import AUTO
from mobilenet_jax.jobs.trained import open_folder


def refine_config() -> ConfigDict:
  """Returns a new config of `mobilenet-jax refine`: MobileNetV3's settings.

  Its images are those of the run whose weights it begins with, and it trains
  by the digits' recipe at a third of the rate.
  """
  config = digits_config(local=False)
  config.data.name = ''  # '' takes the splits of the run of model.weights
  config.train.optimizer.learning_rate = 0.02

  config.latency = ConfigDict()
  config.latency.table = ''  # '' measures this computer
  config.latency.target_ms = 0.0

  config.refine = ConfigDict()
  config.refine.delta = 0.01  # of the seed's latency, that a step cuts at least
  config.refine.decay = 1.0  # of delta, from step to step
  config.refine.criterion = 'v3'  # or 'netadapt', see search/netadapt.py
  config.refine.keep = 'first'  # channels; or 'norm', those of large filters
  config.refine.steps = 40  # of training, a proposal
  config.refine.batch = 32
  config.refine.held_out_images = 1000  # that judge; 0: all
  config.refine.optimizer = ConfigDict(config.train.optimizer)
  config.refine.optimizer.schedule = 'constant'
  config.refine.optimizer.warmup = 0.0
  return config


def completed(config: Any) -> ConfigDict:
  """A config that says all of its network, its weights and its data: a run
  folder of them knows the others.

  Raises:
    UserError: something is left to be said.
  """
  made = ConfigDict(config.to_dict())
  model, data = made.model, made.data
  if model.name and _arch_of(model.name).exists():
    model.weights = model.weights or model.name
    model.name = str(_arch_of(model.name))
  if not model.weights:
    raise UserError(
      'There is nothing to go on from; name trained weights with --weights: a '
      'run folder, or a file that import-weights wrote.'
    )
  if not model.name:
    if not _arch_of(model.weights).exists():
      raise UserError(
        f'{model.weights} does not say what network it holds; name it with '
        '--arch.'
      )
    model.name = str(_arch_of(model.weights))
  if not data.name:
    _take_data(data, model.weights)
  return made


def _arch_of(folder: str) -> Path:
  return Path(folder) / 'arch.json'


def _take_data(data: ConfigDict, weights: str) -> None:
  """Fills in the images that the weights have learnt from, but for a part to
  judge by."""
  if not (Path(weights) / 'config.json').exists():
    raise UserError(
      f'{weights} does not say what images it has learnt from; name some with '
      '--config.data.name.'
    )
  _, config = open_folder(weights)
  data.update(config.data)
  if not data.held_out_split:
    data.held_out_split = AUTO
    if data.train_split == 'train':
      data.train_split = AUTO
