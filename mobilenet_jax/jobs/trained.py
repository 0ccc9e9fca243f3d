"""Uses the trained network of a run folder, of a training or of a search."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from mobilenet_jax.arch import ArchSpec, from_json
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.files import make_folder, read_json
from mobilenet_jax.data.sources import Source
from mobilenet_jax.jobs import deploy
from mobilenet_jax.jobs.splits import open_split
from mobilenet_jax.jobs.trainer import restore_variables


@dataclass(frozen=True)
class Trained:
  """A trained network with the config it was trained by.

  Attributes:
    finished: whether its training is; else these are the weights of a
      checkpoint.
  """

  spec: ArchSpec
  variables: Any
  config: Any
  finished: bool


def open_trained(workdir: str, *, unfinished: bool = False) -> Trained:
  """Restores the network of a run folder; of a search, the found one.

  Args:
    workdir: the folder.
    unfinished: take one that still trains or was stopped, too: its best
      checkpoint, or the last one where they have no score.

  Raises:
    UserError: the folder holds no run, or one that has not been trained.
  """
  folder, config = open_folder(workdir)
  finished = (folder / 'result.json').exists()
  begun = unfinished and (folder / 'checkpoints').is_dir()
  if not (finished or begun):
    raise UserError(f'The run in {workdir} has not finished training.')
  spec = from_json(read_json(folder / 'arch.json'))
  variables = restore_variables(spec, config.train, folder)
  return Trained(spec, variables, config, finished)


def open_folder(workdir: str) -> tuple[Path, ConfigDict]:
  """The folder that a run's network was trained in, and the run's config.

  Raises:
    UserError: the folder holds no run of this version.
  """
  folder = Path(workdir)
  if not (folder / 'config.json').exists():
    raise UserError(f'{folder} is no run folder: it has no config.json.')
  config = ConfigDict(read_json(folder / 'config.json'))
  if 'mesh' not in config.train:
    raise UserError(
      f'{folder} was made by an earlier mobilenet-jax; that one reads it.'
    )
  if config.job == 'search':
    folder = folder / 'contenders' / 'found'
  return folder, config


def test_source(trained: Trained, split: str | None = None) -> Source:
  """The test split of a run, or another split of its data."""
  data = trained.config.data
  name = split or data.test_split
  return open_split(data, name)


def export(workdir: str, out: str) -> dict[str, Any]:
  """Writes the network of a run folder as float TFLite, the names of its
  classes inside, and checks it.

  Returns:
    What `deploy.export` does.
  """
  path = Path(out)
  if path.suffix != '.tflite':
    raise UserError(f'--out {out} is not a .tflite file.')
  trained = open_trained(workdir)
  source = test_source(trained)
  make_folder(path.parent)
  return deploy.export(
    trained.spec, trained.variables, path, source, source.class_names
  )
