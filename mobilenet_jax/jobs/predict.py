"""Predicts the classes of image files."""

import functools
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.typing import ArrayLike
from PIL import Image

from mobilenet_jax.core.errors import JobError, UserError
from mobilenet_jax.core.progress import progress, say
from mobilenet_jax.core.text import printable
from mobilenet_jax.data.images import open_image
from mobilenet_jax.jobs.annotate import Album, shrunk
from mobilenet_jax.jobs.predictor import Predictor
from mobilenet_jax.models.builder import Network
from mobilenet_jax.tasks.predictions import Prediction, decode_predictions

READERS = 4  # threads; each holds one decoded picture at most


@dataclass(frozen=True)
class Seen:
  """An image file and what the network says of it.

  Attributes:
    image: the path.
    predictions: the likeliest classes, most likely first.
    annotated: the picture with its labels, if one was wanted.
  """

  image: Path
  predictions: list[Prediction]
  annotated: Path | None = None

  def as_json(self) -> dict[str, Any]:
    """'image', 'predictions', and 'annotated' where there is one."""
    found = [line._asdict() for line in self.predictions]
    more = {'annotated': str(self.annotated)} if self.annotated else {}
    return {'image': str(self.image), 'predictions': found, **more}


@dataclass(frozen=True)
class Result:
  """What `predict` did: of every image either `seen` or `broken`."""

  model: str
  seen: list[Seen]
  broken: dict[Path, str]  # to what is wrong with it

  def as_json(self) -> dict[str, Any]:
    """Plain dicts and lists: 'model', 'images' and 'broken'."""
    return {
      'model': self.model,
      'images': [image.as_json() for image in self.seen],
      'broken': [
        {'image': str(path), 'error': error}
        for path, error in self.broken.items()
      ],
    }

  def check(self) -> None:
    """Raises `JobError` if an image could not be read."""
    if self.broken:
      count = len(self.broken) + len(self.seen)
      raise JobError(f'{len(self.broken)} of {count} images could not be read.')


def predict(
  predictor: Predictor,
  paths: Sequence[Path],
  *,
  top: int = 5,
  batch: int = 32,
  annotate: str | None = None,
) -> Result:
  """Predicts the classes of image files.

  An image that cannot be read is named on stderr and left out.

  Args:
    predictor: of `jobs.predictor`.
    paths: the files.
    top: how many classes are told of each.
    batch: images the network sees at once; all batches have one shape.
    annotate: a folder that gets every picture with its labels, or None.

  Raises:
    UserError: `top` or `batch` is less than 1, or the folder cannot be
      written to.
    JobError: the network gives no finite numbers.
  """
  for name, value in (('top', top), ('batch', batch)):
    if value < 1:
      raise UserError(f'{name} is {value}; it is 1 or more.')
  album = Album(annotate, keep=paths) if annotate else None
  seen, broken = [], {}
  size = min(batch, len(paths))
  read = functools.partial(_read, predictor, bool(album))
  with (
    warnings.catch_warnings(),
    ThreadPoolExecutor(READERS) as pool,
    progress('predicting', len(paths)) as shown,
  ):
    warnings.filterwarnings('ignore', module='PIL')  # of odd camera notes
    for start in range(0, len(paths), size):
      group = paths[start : start + size]
      loaded = list(pool.map(read, group))
      for one in loaded:
        if one.error:
          broken[one.path] = one.error
          say(printable(one.error))
      good = [one for one in loaded if not one.error]
      if good:
        seen += _see(predictor, good, size, top, album)
      shown.advance(len(group))
  return Result(predictor.network.spec.name, seen, broken)


@dataclass(frozen=True)
class _Loaded:
  """An image file, ready for the network, or why it is not."""

  path: Path
  pixels: np.ndarray | None = None  # what the network sees
  picture: Image.Image | None = None  # what people see, if that is wanted
  error: str = ''


def _read(predictor: Predictor, keep_picture: bool, path: Path) -> _Loaded:
  channels = predictor.network.spec.in_channels
  try:
    pixels = open_image(path, channels)
  except UserError as error:
    return _Loaded(path, error=str(error))
  try:
    prepared = predictor.prepare(pixels)
  except UserError as error:
    return _Loaded(path, error=f'{path}: {error}')
  picture = None
  if keep_picture:
    picture = shrunk(pixels if channels == 3 else open_image(path))
  return _Loaded(path, prepared, picture)


def _see(
  predictor: Predictor,
  loaded: Sequence[_Loaded],
  size: int,
  top: int,
  album: Album | None,
) -> list[Seen]:
  """Predicts one batch, filled up with zeros to `size` images."""
  images = np.stack([one.pixels for one in loaded if one.pixels is not None])
  fill = np.zeros((size - len(images), *images.shape[1:]), np.float32)
  padded = np.concatenate([images, fill])
  probs = _probabilities(predictor.network, predictor.variables, padded)
  probs = np.asarray(probs)[: len(images)]
  if not np.isfinite(probs).all():
    raise JobError('The network gives no finite numbers; its weights are bad.')
  seen = []
  found = decode_predictions(probs, top, predictor.labels)
  for one, lines in zip(loaded, found, strict=True):
    annotated = None
    if album and one.picture:
      annotated = album.add(one.path.name, one.picture, lines)
    seen.append(Seen(one.path, lines, annotated))
  return seen


@functools.partial(jax.jit, static_argnums=0)
def _probabilities(network: Network, variables: Any, images: ArrayLike) -> Any:
  logits: Any = network.apply(variables, images)
  return jax.nn.softmax(logits)
