"""The libraries' own networks, filled by the formula and run on the CPU.

Every function takes a case and returns (tensors by name, logits [2, classes]).
"""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from mobilenet_jax.models.pretrained.load import conventional
from mobilenet_jax.models.pretrained.sources import slim
from tests.models.pretrained import formula
from tests.models.pretrained.cases import Case

os.environ.setdefault('KERAS_BACKEND', 'torch')
Made = tuple[dict[str, np.ndarray], np.ndarray]
# A CPU build of torch lacks torchvision's compiled operators; that they are
# declared is enough to import the package and run its classifiers.
OPERATORS = ('nms', 'roi_align', 'roi_pool', 'ps_roi_align', 'ps_roi_pool')
_LIBRARY: list[Any] = []


def _torch() -> Any:
  import torch

  if not _LIBRARY:
    library = torch.library.Library('torchvision', 'DEF')
    for name in OPERATORS:
      back = '' if name == 'nms' else f'_{name}_backward'
      for declared in filter(None, (name, back)):
        library.define(f'{declared}(Tensor a) -> Tensor')
    library.define('qnms(Tensor a) -> Tensor')
    library.define('deform_conv2d(Tensor a) -> Tensor')
    library.define('_deform_conv2d_backward(Tensor a) -> Tensor')
    _LIBRARY.append(library)
  return torch


def _run_torch(model: Any, case: Case) -> Made:
  torch = _torch()
  state = model.state_dict()
  tensors = {}
  for name, tensor in state.items():
    tensors[name] = formula.weight(
      name, tuple(tensor.shape), torch=True, gain=case.gain
    )
    state[name] = torch.from_numpy(tensors[name])
  model.load_state_dict(state)
  pixels = formula.images(2, case.side).transpose(0, 3, 1, 2)
  with torch.inference_mode():
    out = model.eval()(torch.from_numpy(np.ascontiguousarray(pixels)))
  return tensors, getattr(out, 'logits', out).numpy()


def torchvision(case: Case) -> Made:
  """torchvision."""
  _torch()
  from torchvision import models

  more = {'init_weights': False} if case.name in ('googlenet', 'vgg16') else {}
  return _run_torch(getattr(models, case.name)(**more), case)


def timm(case: Case) -> Made:
  """timm."""
  _torch()
  from timm import create_model

  return _run_torch(create_model(case.name), case)


def transformers(case: Case) -> Made:
  """transformers, configured as google's are."""
  _torch()
  import transformers as hf

  kind = {'mobilenet_v1': 'MobileNetV1', 'mobilenet_v2': 'MobileNetV2'}
  name = kind[case.name]
  config = getattr(hf, f'{name}Config')(num_labels=case.classes)
  return _run_torch(getattr(hf, f'{name}ForImageClassification')(config), case)


def keras_model(name: str, side: int, classes: int, width: float = 1.0) -> Any:
  """A network of `keras.applications` that gives logits."""
  _torch()
  import keras

  base = name.removesuffix('_075').removesuffix('Minimalistic')
  more = {}
  if 'V3' in name:
    more = {
      'include_preprocessing': False,
      'minimalistic': 'Minimalistic' in name,
    }
  return getattr(keras.applications, base)(
    input_shape=(side, side, 3),
    alpha=width,
    weights=None,
    classes=classes,
    classifier_activation=None,
    **more,
  )


def run_keras(model: Any, case: Case) -> np.ndarray:
  """The logits of a Keras model."""
  return np.asarray(model.predict(formula.images(2, case.side), verbose=0))


def keras(case: Case) -> Made:
  """Keras; the names are those of .weights.h5."""
  import h5py

  model = keras_model(case.name, case.side, case.classes, case.width)
  tensors: dict[str, np.ndarray] = {}

  def fill(name: str, item: Any) -> None:
    if isinstance(item, h5py.Dataset):
      tensors[name] = formula.weight(
        name, item.shape, torch=False, gain=case.gain
      )
      item[...] = tensors[name]

  with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / 'model.weights.h5'
    model.save_weights(path)
    with h5py.File(path, 'r+') as file:
      file.visititems(fill)
    model.load_weights(path)
  return tensors, run_keras(model, case)


def slim_names(case: Case) -> Made:
  """TF-slim's names and shapes, in Keras's networks of the same arithmetic."""
  from mobilenet_jax.models.pretrained.convert import wanted

  variant = slim.SOURCE.models[case.name]
  spec = conventional(variant, case.width, case.classes)
  rows = wanted(spec, variant.slots(spec), slim.DIALECT)
  tensors = {}
  for row in rows:
    shape = row.shapes[-1]  # slim's classifier is a 1x1 convolution
    tensors[row.key] = formula.weight(
      row.key, shape, torch=False, gain=case.gain
    )
  kind = {
    'mobilenet_v1': 'MobileNet',
    'mobilenet_v2': 'MobileNetV2',
    'mobilenet_v3_large': 'MobileNetV3Large',
    'mobilenet_v3_small': 'MobileNetV3Small',
  }[case.name]
  model = keras_model(kind, case.side, case.classes, case.width)
  arrays = list(tensors.values())
  model.set_weights(
    [
      array.reshape(old.shape)
      for array, old in zip(arrays, model.get_weights(), strict=True)
    ]
  )
  return tensors, run_keras(model, case)


PEERS = {
  'torchvision': torchvision,
  'timm': timm,
  'transformers': transformers,
  'keras': keras,
  'slim': slim_names,
}
