"""PyTorch's files: tensors only, by torch's own restricted reader."""

import importlib
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from mobilenet_jax.core.errors import UserError
from mobilenet_jax.models.pretrained.read import Tensors, bounded, open_zip

# what training scripts put around the weights; averages first
WRAPPERS = ('state_dict_ema', 'model_ema', 'state_dict', 'model')


def read_torch(path: Path) -> Tensors:
  """Reads .pth, .pt and .bin by `torch.load(weights_only=True)`.

  Raises:
    UserError: torch is missing, the file is cut off, or it holds anything
      but tensors (that would be code, which is not run).
  """
  try:
    torch: Any = importlib.import_module('torch')
  except ImportError as error:
    raise UserError(
      f'Reading {path} needs torch: install mobilenet-jax[torch], or convert '
      'the file to .safetensors where torch is installed.'
    ) from error
  if zipfile.is_zipfile(path):
    open_zip(path).close()  # its size, unpacked, is bounded
  try:
    with warnings.catch_warnings():
      warnings.simplefilter('ignore')
      found = torch.load(path, map_location='cpu', weights_only=True)
  except Exception as error:  # torch raises whatever its parts raise
    first = str(error).partition('\n')[0].partition('. ')[0]
    raise UserError(
      f'{path} is cut off or holds more than tensors, which is not loaded '
      f'({type(error).__name__}: {first}).'
    ) from error
  tensors = _unwrapped(found, torch.Tensor)
  if not tensors:
    raise UserError(f'{path} holds no tensors by name.')
  bounded(path, sum(t.numel() * t.element_size() for t in tensors.values()))
  return Tensors(
    {name: _array(path, name, t, torch) for name, t in tensors.items()}
  )


def _unwrapped(found: Any, tensor: type) -> dict[str, Any]:
  """The tensors by name, whatever they are wrapped in."""
  if not isinstance(found, dict):
    return {}
  for name in WRAPPERS:
    if isinstance(found.get(name), dict):
      found = found[name]
  tensors = {str(k): v for k, v in found.items() if isinstance(v, tensor)}
  if tensors and all(name.startswith('module.') for name in tensors):
    tensors = {k.removeprefix('module.'): v for k, v in tensors.items()}
  return tensors


def _array(path: Path, name: str, tensor: Any, torch: Any) -> np.ndarray:
  try:
    if tensor.is_floating_point():
      tensor = tensor.to(torch.float32)
    return tensor.detach().contiguous().numpy()
  except (RuntimeError, TypeError, NotImplementedError) as error:
    kinds = (tensor.layout, tensor.dtype, tensor.device)  # what may be odd
    said = ', '.join(str(kind).removeprefix('torch.') for kind in kinds)
    raise UserError(
      f'{path}: {name} has no plain numbers ({said}); save it dense and on '
      'the CPU.'
    ) from error
