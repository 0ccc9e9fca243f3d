"""Opens a .tflite for evaluation: what it holds, and what it does not say."""

import dataclasses
import os
import zipfile
from pathlib import Path

import numpy as np

from mobilenet_jax.arch import from_json
from mobilenet_jax.arch.inputs import TENSORFLOW, Inputs
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.core.extras import need
from mobilenet_jax.core.files import read_json
from mobilenet_jax.data.labels import MAX_BYTES, default_labels, read_labels
from mobilenet_jax.export.labels import read_normalization
from mobilenet_jax.export.tflite import Interpreter
from mobilenet_jax.jobs import trained
from mobilenet_jax.jobs.subjects import (
  Subject,
  check_input,
  check_labels,
  run_labels,
)
from mobilenet_jax.models.find import find_arch
from mobilenet_jax.models.pretrained.load import conventional
from mobilenet_jax.models.pretrained.source import find_variant
from mobilenet_jax.models.pretrained.sources import OWN, get_source

LIMIT = 2 << 30  # bytes; a flatbuffer cannot be longer
SUM = 0.02  # how far from 1 probabilities may add up
LEAST = 1e-7  # of a probability, whose logarithm is taken


def from_tflite(
  path: str,
  *,
  model: str | None = None,
  source: str | None = None,
  width: float | None = None,
  workdir: str | None = None,
  labels: str | None = None,
) -> Subject:
  """A .tflite of one image input and one output of K numbers a class.

  The mean, std and crop of its images are those of `model`, of the run, of the
  network in the `arch.json` beside the file if it is of the same size, or else
  our default, with the mean and std that the file's metadata may tell; a note
  says which.

  Args:
    path: the file, float or quantized.
    model: a name of the zoo, or of the library `source`.
    source: the library whose preparation counts; None: this one.
    width: of the network of the zoo.
    workdir: the run that the file was exported from.
    labels: a file of names of its classes; None: those inside, of the run, or
      of ImageNet where there are 1000 or 1001.

  Raises:
    UserError: the file is missing, or no classifier of images.
  """
  need('tflite', 'Evaluating a .tflite')
  file, name = Path(path), Path(path).name
  interpreter = _opened(file)
  side, classes = _sizes(name, interpreter)
  config = None
  if workdir:
    place, found = trained.open_folder(workdir)
    config = found.data
    inputs = from_json(read_json(place / 'arch.json')).inputs
    whose = f'of the run in {workdir}'
  elif model:
    inputs, whose = _inputs_of(model, source, width), f'of {model}'
  else:
    inputs, whose = _beside(file, side, classes)
  names = _names(file, classes, labels, workdir)
  odds = _gives_odds(interpreter)
  notes = [f'Images are prepared with the mean, std and crop {whose}.']
  if odds:
    notes.append('The file gives probabilities; their logarithms are counted.')

  def logits(images: np.ndarray) -> np.ndarray:
    found = _run(interpreter, images)
    return np.log(np.maximum(found, LEAST)) if odds else found

  return Subject(
    name, side, inputs, classes, names, logits, config, tuple(notes)
  )


def _names(
  path: Path,
  classes: int,
  labels: str | None,
  workdir: str | None,
) -> tuple[str, ...]:
  """The user's names, or those inside, of the run, or of ImageNet."""
  names = read_labels(labels) if labels else _labels_inside(path)
  if not names and workdir is not None:
    names = run_labels(workdir, None)
  elif not names and classes in (1000, 1001):
    names = default_labels(classes)
  check_labels(names, classes)
  return names


def _opened(path: Path) -> Interpreter:
  if not path.is_file():
    raise UserError(f'There is no file {path}.')
  if path.stat().st_size > LIMIT:
    raise UserError(f'{path} is larger than {LIMIT:,} bytes.')
  try:
    return Interpreter(path.read_bytes(), threads=os.cpu_count() or 1)
  except (ValueError, RuntimeError) as error:
    text = ' '.join(str(error).split()).rstrip('.')
    raise UserError(f'{path} is no model that LiteRT runs: {text}.') from error


def _sizes(name: str, interpreter: Interpreter) -> tuple[int, int]:
  """Side of the images, and number of classes."""
  inputs, outputs = interpreter.shapes
  if len(inputs) != 1 or len(outputs) != 1:
    raise UserError(
      f'{name} has {len(inputs)} inputs and {len(outputs)} outputs; a '
      'classifier has one each.'
    )
  shape, out = inputs[0], outputs[0]
  if len(shape) != 4 or shape[1] != shape[2] or len(out) != 2:
    raise UserError(
      f'{name} makes {list(out)} of {list(shape)}; a classifier makes [N, '
      'classes] of [N, side, side, 3].'
    )
  check_input(name, shape[3])
  if not interpreter.is_scaled:
    raise UserError(
      f'{name} keeps its input or output in whole numbers without a scale, so '
      'that it is not known what they mean.'
    )
  return shape[1], out[1]


def _run(interpreter: Interpreter, images: np.ndarray) -> np.ndarray:
  """float32 [N, K] of [N, ...]; the last of its batches is filled up."""
  batch = interpreter.in_shape[0]
  missing = -len(images) % batch
  filled = np.pad(images, [(0, missing)] + [(0, 0)] * 3)
  parts = filled.reshape(-1, *interpreter.in_shape)
  found = np.concatenate([interpreter.real(part) for part in parts])
  return found[: len(images)]


def _gives_odds(interpreter: Interpreter) -> bool:
  """Whether the output is probabilities, as after a softmax."""
  low, high = interpreter.out_range
  if np.isfinite(high):  # quantized: TFLite's softmax says 0 to 255 / 256
    return low == 0 and 0.99 < high <= 1
  rng = np.random.default_rng(0)
  noise = rng.normal(size=(4, *interpreter.in_shape[1:])).astype(np.float32)
  found = _run(interpreter, noise)
  return bool((found >= 0).all() and (abs(found.sum(1) - 1) < SUM).all())


def _inputs_of(model: str, source: str | None, width: float | None) -> Inputs:
  if source in (None, OWN):
    return find_arch(model, width).inputs
  library = get_source(source)
  _, variant = find_variant(source, library.models, model, width, '', '')
  return conventional(variant, variant.width or width or 1.0, 1000).inputs


def _beside(path: Path, side: int, classes: int) -> tuple[Inputs, str]:
  beside = path.parent / 'arch.json'
  if beside.is_file():
    spec = from_json(read_json(beside))
    if (spec.resolution, spec.num_classes) == (side, classes):
      return spec.inputs, f'of {beside}'
  inside = read_normalization(path.read_bytes())
  if inside is not None:
    mean, std = inside
    return dataclasses.replace(TENSORFLOW, mean=mean, std=std), (
      'of its own metadata, the crop (87.5%) that of this package'
    )
  return TENSORFLOW, (
    'of this package (0.5, 0.5, 87.5%), since the file tells none and no '
    '--model or --workdir does'
  )


def _labels_inside(path: Path) -> tuple[str, ...]:
  """The names in the only text file that is packed behind the model, as
  TFLite's metadata has them."""
  if not zipfile.is_zipfile(path):
    return ()
  with zipfile.ZipFile(path) as packed:
    texts = [f for f in packed.infolist() if f.filename.endswith('.txt')]
    if len(texts) != 1 or texts[0].file_size > MAX_BYTES:
      return ()
    try:
      lines = packed.read(texts[0]).decode().rstrip().splitlines()
    except (OSError, ValueError, RuntimeError, zipfile.BadZipFile):
      return ()
  return tuple(line.strip() for line in lines)
