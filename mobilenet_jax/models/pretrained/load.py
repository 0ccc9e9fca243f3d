"""`load_pretrained`: weights of another library as a network of ours."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mobilenet_jax.arch import ArchSpec, check
from mobilenet_jax.core.errors import UserError
from mobilenet_jax.models.builder import Network, build, variable_shapes
from mobilenet_jax.models.find import find_arch
from mobilenet_jax.models.pretrained import own
from mobilenet_jax.models.pretrained.convert import fit, wanted
from mobilenet_jax.models.pretrained.hub import find
from mobilenet_jax.models.pretrained.read import Tensors, read
from mobilenet_jax.models.pretrained.source import (
  Dialect,
  Slots,
  Source,
  Variant,
  find_variant,
)
from mobilenet_jax.models.pretrained.sources import OWN, get_source
from mobilenet_jax.models.registry import check_width, get_arch, list_models

BACKGROUND = 1001  # classes, where 0 is the background


@dataclass(frozen=True)
class Pretrained:
  """A network that can predict.

  Attributes:
    model: the Linen module; `model.spec` has the conventions of the weights.
    variables: its 'params' and 'batch_stats', for `model.apply`.
    preprocess: from a picture to [resolution, resolution, 3] in float32.
    labels: names of the classes in order; none where they are not known.
  """

  model: Network
  variables: dict[str, Any]
  preprocess: Callable[[Any], np.ndarray]
  labels: tuple[str, ...] = ()

  @property
  def spec(self) -> ArchSpec:
    """Of the model."""
    return self.model.spec


def load_pretrained(
  name: str,
  source: str,
  path: str | os.PathLike,
  *,
  width: float | None = None,
) -> Pretrained:
  """Loads weights of another library, or our own.

  Args:
    name: of a network of the zoo, or the library's name of it.
    source: 'torchvision', 'timm', 'transformers', 'keras', 'slim' or
      'mobilenet_jax'.
    path: a file (.safetensors, .pth, .pt, .npz, .h5, .weights.h5, .keras, or
      a TensorFlow checkpoint), or a hub name ('timm/mobilenetv2_100.ra_in1k').
    width: multiplier; 1 where neither the name nor the file says another.

  Returns:
    The network with the library's padding, epsilon, image preparation and
    classes, its weights, and what is needed to predict.

  Raises:
    UserError: an unknown name or source, or a file that is missing, cut off,
      not weights, or of another network. Then nothing is loaded.
  """
  if width is not None:
    check_width(width, name)
  if source == OWN:
    return _own(name, path, width)
  library = get_source(source)
  found = find(path, library.beside)
  said = library.called(found.settings)
  if width is None:
    width = library.width_of(found.settings)
    if width is not None:
      check_width(width, f'{name} in config.json')
  label, variant = find_variant(
    source, library.models, name, width, said, _guess(found.name, library)
  )
  tensors = read(found.path)
  wide = variant.width or (1.0 if width is None else width)

  def make(classes: int) -> ArchSpec:
    spec = conventional(variant, wide, classes)
    return check(library.settle(spec, found.settings, found.name))

  slots = variant.slots(make(1000))
  classes = _classes(tensors, slots, library.dialect)
  spec = make(classes).replace(background=classes == BACKGROUND)
  arrays = fit(
    library.prepare(tensors.arrays),
    wanted(spec, slots, library.dialect),
    ignored=library.ignored,
    shown=tensors.shown,
    what=f'{found.path} is not {label} of {source} (width {wide:g})',
  )
  return _finished(spec, arrays, _labels(spec))


def conventional(variant: Variant, width: float, classes: int) -> ArchSpec:
  """A network of the zoo with a library's conventions."""
  spec = get_arch(variant.name, width, variant.resolution, classes)
  return variant.change(spec).replace(
    padding=variant.padding,
    norm_epsilon=variant.norm_epsilon,
    inputs=variant.inputs,
  )


def _guess(file: str, library: Source) -> str:
  """The longest of a library's names that a file's name starts with."""
  found = [name for name in library.models if file.startswith(name)]
  return max(found, key=len, default='')


def _classes(tensors: Tensors, slots: Slots, dialect: Dialect) -> int:
  """Outputs of the last layer; 1000 where it is not there."""
  kernel = tensors.arrays.get(slots[-1][0] + dialect.kernel)
  if kernel is None or kernel.ndim < 2:
    return 1000
  return int(kernel.shape[0 if dialect.torch else -1]) or 1000


def _own(name: str, path: str | os.PathLike, width: float | None) -> Pretrained:
  found = find(path)
  tensors = read(found.path)
  spec, labels = own.described(found.path, tensors)
  known = name in list_models()
  if width is not None and not known:
    raise UserError(
      f'{name} is no network of the zoo, so that it has no width {width:g}.'
    )
  asked = find_arch(name, width).name if known else name
  if spec.name != asked:
    raise UserError(f'{found.path} holds {spec.name}, not {asked}.')
  shapes = variable_shapes(build(spec))
  what = f'{found.path} is not what it says'
  arrays = fit(tensors.arrays, own.wanted(shapes), what=what)
  return _finished(spec, arrays, labels or _labels(spec))


def _labels(spec: ArchSpec) -> tuple[str, ...]:
  """ImageNet's where the number of classes is its own."""
  if spec.num_classes not in (BACKGROUND - 1, BACKGROUND):
    return ()
  from mobilenet_jax.data.labels import imagenet_labels

  return tuple(imagenet_labels(spec.background))


def _finished(
  spec: ArchSpec, arrays: dict[str, dict], labels: tuple[str, ...]
) -> Pretrained:
  import jax
  import jax.numpy as jnp

  from mobilenet_jax.data.preprocess import preprocess

  variables = jax.tree.map(jnp.asarray, arrays)
  prepare = functools.partial(preprocess, model_or_spec=spec)
  return Pretrained(build(spec), variables, prepare, labels)
